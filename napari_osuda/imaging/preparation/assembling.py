"""A case of images: on one grid, prepared as a person has chosen."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError
from napari_osuda.files import sha256_of
from napari_osuda.imaging.case import Case, Source, stack_channels
from napari_osuda.imaging.choices import FINEST, Preparation
from napari_osuda.imaging.grid import Grid
from napari_osuda.imaging.intensity.head import find_air, find_head
from napari_osuda.imaging.modalities import modality_of
from napari_osuda.imaging.preparation.bias_field import without_bias_field
from napari_osuda.imaging.preparation.brain import (
    extracted_brain,
    masked,
    on_grid,
    read_mask,
    share_of_head,
)
from napari_osuda.imaging.preparation.common_grid import moved_to, require_movable, same_voxels

__all__ = ["ChannelImage", "case_of_images", "reference_channel", "require_together"]

# Of the head, what an image must show at least to be a channel beside the others.
_LEAST_SHOWN = 0.5


@dataclass(frozen=True, eq=False)
class ChannelImage:
    """An image as it was read.

    Attributes
    ----------
    data : array [I, J, K]
    grid : Grid
        Of ``data``.
    name : str
        In messages.
    source : Source
        Its channel, and where it came from.
    """

    data: NDArray[Any]
    grid: Grid
    name: str
    source: Source


def reference_channel(
    wanted: str, channels: Sequence[str], voxel_ml: Mapping[str, float] | None = None
) -> str:
    """The channel on whose grid a case lies.

    Parameters
    ----------
    wanted : str
        As `Preparation.reference_grid`.
    channels : sequence of str
        In the order in which they were given.
    voxel_ml : mapping of str to float, optional
        Volume of a voxel of each channel's image, asked for "finest".

    Raises
    ------
    CaseError
        No channel is called so.
    """
    if not wanted:
        return channels[0]
    if wanted.lower() == FINEST:
        sizes = voxel_ml or {}
        return min(channels, key=lambda channel: sizes.get(channel, np.inf))
    known = modality_of(wanted)
    found = [c for c in channels if c.lower() == wanted.lower()]
    found = found or [c for c in channels if known and modality_of(c) == known]
    if len(found) != 1:
        raise CaseError(
            f"The reference grid '{wanted}' is not a channel of the case: give one of "
            f"{', '.join(channels)}, or {FINEST}."
        )
    return found[0]


def require_together(source: Source, name: str, first: Source, first_name: str) -> None:
    """Check by what DICOM says that two images are of one patient in one position.

    Raises
    ------
    CaseError
        They are of two patients, or the patient has moved between them.
    """
    if source.patient and first.patient and source.patient != first.patient:
        raise CaseError(f"{name} and {first_name} are of two patients, by their DICOM headers.")
    one, other = source.frame_of_reference, first.frame_of_reference
    if one and other and one != other:
        raise CaseError(
            f"{name} and {first_name} have different frames of reference in DICOM: the patient has left the "
            "scanner between them. Register them first, and give the registered files."
        )


def case_of_images(
    name: str,
    channels: Sequence[str],
    images: Iterable[ChannelImage],
    preparation: Preparation | None = None,
    brain: tuple[NDArray[np.bool_], Grid, str] | None = None,
) -> Case:
    """Make a case of images, on the grid of the first.

    Parameters
    ----------
    name : str
        Of the case.
    channels : sequence of str
        The model's order.
    images : iterable of ChannelImage
        One for each channel, the reference first; they may be read as they are asked for.
    preparation : Preparation, optional
        What is done to them; its ``reference_grid`` has been looked at already.
    brain : tuple of bool array, Grid and str, optional
        A brain mask in memory, its grid and its name.

    Raises
    ------
    CaseError
        The images cannot be brought to one grid, or a step of the preparation is not possible.
    """
    chosen = preparation or Preparation()
    brought = list(_brought(images, chosen))
    first = brought[0]
    by_channel = {image.source.channel: image for image in brought}
    ordered = [by_channel[channel] for channel in channels]
    data = stack_channels(((i.source.channel, i.data) for i in ordered), len(ordered), first.grid)
    case = Case(
        name,
        tuple(channels),
        data,
        first.grid,
        tuple(image.source for image in ordered),
        dataclasses.replace(chosen, reference_grid=first.source.channel),
        placed=all(image.grid.placed for image in brought),
    )
    return _stripped(case, chosen, brain)


def _brought(images: Iterable[ChannelImage], chosen: Preparation) -> Iterator[ChannelImage]:
    """The images on the grid of the first, each without its bias field where that was chosen."""
    first: ChannelImage | None = None
    head: NDArray[np.bool_] | None = None
    for image in images:
        if chosen.bias_field:
            data = np.asarray(image.data, np.float32)
            own = find_head(data[None]).mask
            image = dataclasses.replace(
                image, data=without_bias_field(data, own, image.name, image.grid.spacing)
            )
        if first is None:
            first = image
            yield image
            continue
        require_together(image.source, image.name, first.source, first.name)
        alike = same_voxels(image.grid, first.grid)
        require_movable(image.grid, image.name, first.grid, first.name, chosen=bool(chosen.reference_grid))
        outside = 0.0 if alike else find_air(np.asarray(image.data, np.float32)).level
        data, inside = moved_to(image.data, image.grid, image.name, first.grid, first.name, outside)
        source = image.source
        if not alike:
            source = dataclasses.replace(source, grid=image.grid)
        if inside is not None:
            head = find_head(np.asarray(first.data, np.float32)[None]).mask if head is None else head
            shown = share_of_head(inside, head)
            if shown < _LEAST_SHOWN:
                raise CaseError(
                    f"{image.name} shows only {shown:.0%} of the head in {first.name}, to whose grid it is "
                    f"brought: choose another reference grid, such as that of {source.channel}."
                )
            source = dataclasses.replace(source, covered=shown)
        yield dataclasses.replace(image, data=data, source=source)


def _stripped(case: Case, chosen: Preparation, brain: tuple[NDArray[np.bool_], Grid, str] | None) -> Case:
    """The case with 0 outside the brain, where a mask was given or is to be made."""
    preparation = case.preparation
    if brain is not None:
        mask = on_grid(*brain, case.grid, case.name)
    elif chosen.brain_mask is not None:
        mask = read_mask(chosen.brain_mask, case.grid, case.name)
        preparation = dataclasses.replace(preparation, brain_mask_sha256=sha256_of(chosen.brain_mask))
    elif chosen.extract_brain:
        t1 = next((k for k, channel in enumerate(case.channels) if modality_of(channel) in ("t1", "t1ce")), 0)
        mask = extracted_brain(case.data[t1], case.grid, f"channel {case.channels[t1]} of {case.name}")
    else:
        return case
    head = case.head.mask
    data = masked(case.data, head, mask, case.name)
    share = share_of_head(mask, head)
    return dataclasses.replace(case, data=data, preparation=preparation, brain_share=share)
