"""A case from files, in all the ways in which a user may name them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from napari_osuda.errors import CaseError
from napari_osuda.files import expanded
from napari_osuda.imaging.case import Case, Source
from napari_osuda.imaging.choices import FINEST, Preparation
from napari_osuda.imaging.finding.folder import channels_in, series_named
from napari_osuda.imaging.modalities import modality_of
from napari_osuda.imaging.naming import case_name
from napari_osuda.imaging.preparation.assembling import ChannelImage, case_of_images, reference_channel
from napari_osuda.imaging.volumes import Identity, Volume, reachable, read_volume

__all__ = ["read_case"]


def read_case(
    spec: str | Path | Mapping[str, str | Path],
    channels: Sequence[str],
    *,
    name: str | None = None,
    entities: Mapping[str, str] | None = None,
    preparation: Preparation | None = None,
) -> Case:
    """Read the channels of a model for one patient.

    Parameters
    ----------
    spec : str, Path or mapping
        A folder whose files, or DICOM series by their descriptions, are matched to the channels by name (see
        `match_channels`); a DICOM series may stand for a file, as its folder, one of its files, or
        ``folder#number``; ``"name=path,name=path"`` or a mapping of names to paths; ``"path,path"`` in the
        channels' order; a 3-D file for a model of one channel; a 4-D file whose last axis is the channels.
    channels : sequence of str
        The model's channel names, in its order.
    name : str, optional
        What the case is called: by default as `case_name` has it.
    entities : mapping of str to str, optional
        Entities of BIDS that the images of a folder must have, such as ``{"ses": "pre"}``.
    preparation : Preparation, optional
        What is done to the images: images on other grids than that of the reference are resampled to it in
        any case.

    Returns
    -------
    Case
        On the grid of the first image (the first one given, or in a folder the first channel's), or of the
        one that ``preparation`` names.

    Raises
    ------
    CaseError
        A channel is missing or ambiguous, a file cannot be read, the images are not of one patient in one
        position, or show no place in common.
    """
    with reachable(str(spec)):
        return _read(spec, channels, name or case_name(spec), entities, preparation or Preparation())


def _read(
    spec: str | Path | Mapping[str, str | Path],
    channels: Sequence[str],
    name: str,
    entities: Mapping[str, str] | None,
    prepared: Preparation,
) -> Case:
    if isinstance(spec, Mapping):
        files = _named({key: series_named(str(path)) or Path(path) for key, path in spec.items()}, channels)
        return _of_files(files, channels, name, prepared)
    text = str(spec).strip()
    path = expanded(text)
    if not text:
        raise CaseError("The case is empty: give a folder or files.")
    # A path that exists is meant, whatever commas and equal signs are in it.
    if path.is_dir():
        return _of_files(channels_in(path, channels, entities), channels, name, prepared)
    if path.exists() or ("," not in text and "=" not in text):
        return _of_one_file(series_named(text) or path, channels, name, prepared)
    if re.match(r"[^,=/\\]+=", text):
        named: dict[str, str] = {}
        # A comma parts two files only where a name follows: it may stand in a path too.
        for item in re.split(r",(?=[^,=/\\]+=)", text):
            key, _, value = item.partition("=")
            if key.strip() in named:
                raise CaseError(f"Channel {key.strip()} is given twice in {text}.")
            named[key.strip()] = value.strip()
        paths = {key: series_named(value) or expanded(value) for key, value in named.items()}
        return _read(paths, channels, name, None, prepared)
    given = [series_named(part.strip()) or expanded(part.strip()) for part in text.split(",")]
    given = [path for path in given if str(path) != "."]
    if len(given) != len(channels):
        raise CaseError(
            f"{len(given)} files are given and the model reads {len(channels)} channels "
            f"({', '.join(channels)}): give one file for each, in this order."
        )
    return _of_files(dict(zip(channels, given, strict=True)), channels, name, prepared)


def _named(given: Mapping[str, Path], channels: Sequence[str]) -> dict[str, Path]:
    """Turn the names a user wrote into the model's, in the user's order."""
    files: dict[str, Path] = {}
    for key, path in given.items():
        exact = [c for c in channels if c.lower() == key.lower()]
        same = exact or [c for c in channels if modality_of(key) and modality_of(c) == modality_of(key)]
        if len(same) != 1:
            raise CaseError(f"{key} is not a channel of the model, which reads {', '.join(channels)}.")
        if same[0] in files:
            raise CaseError(f"Channel {same[0]} is given twice: {files[same[0]]} and {path}.")
        files[same[0]] = path
    missing = [c for c in channels if c not in files]
    if missing:
        raise CaseError(
            f"No file for channel {', '.join(missing)}: given were {', '.join(given) or 'none'}. "
            "Each channel of the model needs one.",
            command=f"Add {missing[0]}=FILE.",
        )
    return files


def _of_one_file(path: Path, channels: Sequence[str], name: str, preparation: Preparation) -> Case:
    """Read all channels from one file: a volume, or a fourth axis of them."""
    volume = read_volume(path)
    parts = volume.data[None] if volume.data.ndim == 3 else np.moveaxis(volume.data, 3, 0)
    if len(parts) != len(channels):
        what = (
            "is one 3-D image" if volume.data.ndim == 3 else f"has {len(parts)} volumes along its fourth axis"
        )
        raise CaseError(
            f"{path} {what} and the model reads {len(channels)} channels ({', '.join(channels)}): "
            "give a folder with one file for each.",
            command=f"Or give {','.join(f'{c}=FILE' for c in channels)}.",
        )
    identity = volume.identity()
    images = [
        ChannelImage(part, volume.grid, str(path), _source(channel, path, volume, identity))
        for channel, part in zip(channels, parts, strict=True)
    ]
    reference_channel(preparation.reference_grid, channels)
    return case_of_images(name, channels, images, preparation)


def _of_files(
    files: Mapping[str, Path], channels: Sequence[str], name: str, preparation: Preparation
) -> Case:
    """Read one file for each channel; ``files`` is in the order in which they were given."""
    finest = preparation.reference_grid.lower() == FINEST and len(files) > 1
    sizes = {channel: read_volume(path).grid.voxel_ml for channel, path in files.items()} if finest else {}
    leading = reference_channel(preparation.reference_grid, list(files), sizes)

    def read() -> Iterator[ChannelImage]:
        for channel in (leading, *(c for c in files if c != leading)):
            volume = read_volume(files[channel])
            if volume.data.ndim != 3:
                raise CaseError(
                    f"{volume.path} has {volume.data.shape[3]} volumes along its fourth axis, and channel "
                    f"{channel} is one volume: split it first, or give it alone for all channels."
                )
            source = _source(channel, volume.path, volume, volume.identity())
            yield ChannelImage(volume.data, volume.grid, str(volume.path), source)

    return case_of_images(name, channels, read(), preparation)


def _source(channel: str, path: Path, volume: Volume, identity: Identity) -> Source:
    return Source(
        channel,
        path,
        identity.digest,
        volume.data.shape,
        volume.grid.affine,
        volume.title,
        frame_of_reference=identity.frame_of_reference,
        patient=identity.patient,
        thickness=identity.thickness,
    )
