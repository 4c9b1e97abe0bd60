"""Image layers as a case."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from napari_osuda.errors import CaseError
from napari_osuda.imaging import Case, Grid, Preparation, Source, identity_of, name_with_contrast, onto_grid
from napari_osuda.imaging.dicom import is_dicom
from napari_osuda.imaging.naming import patient_of_image
from napari_osuda.imaging.preparation.assembling import ChannelImage, case_of_images, require_together
from napari_osuda.imaging.preparation.common_grid import require_movable, same_voxels
from napari_osuda.imaging.world import METADATA_KEY, from_layer
from napari_osuda.napari_layers.masks import RESULT_KEY
from napari_osuda.napari_layers.transforms import grid_of, voxels_of

IntArray = npt.NDArray[Any]


def case_name_of_layers(layers: Mapping[str, Any]) -> str:
    """What the case of these layers is called: by its patient, as folder or file say, or its first layer."""
    paths = [path_of(layer) for layer in layers.values()]
    first = next((path for path in paths if path is not None), None)
    if first is None:
        return next(iter(layers.values())).name if layers else "case"
    if len(layers) == 1:
        return patient_of_image(first)
    # DICOM series have folders of their own, in that of the patient.
    together = os.path.commonpath([path.parent for path in paths if path is not None])
    return Path(together).name or first.parent.name


def case_of_layers(
    layers: Mapping[str, Any],
    channels: Sequence[str] | None = None,
    preparation: Preparation | None = None,
    brain: Any = None,
) -> Case:
    """The case that a model is given.

    Parameters
    ----------
    layers : mapping of channel name to napari Image layer
        The first is the one on whose grid the case lies.
    channels : sequence of str, optional
        The model's order; that of the layers without it.
    preparation : Preparation, optional
        What is done to the images.
    brain : napari Labels layer, optional
        What is 0 in it the network sees as 0.

    Raises
    ------
    CaseError
        The layers cannot be brought to one grid; the sentence names those that differ.
    """
    chosen, mask = preparation or Preparation(), None
    if brain is not None:
        chosen = dataclasses.replace(chosen, brain_layer=brain.name)
        mask = (_array(brain) != 0, _grid_of(brain), brain.name)
    images = (
        ChannelImage(_array(layer), _grid_of(layer), layer.name, _source(channel, layer))
        for channel, layer in layers.items()
    )
    return case_of_images(case_name_of_layers(layers), channels or tuple(layers), images, chosen, mask)


def _source(channel: str, layer: Any) -> Source:
    grid, path = _grid_of(layer), path_of(layer)
    source = Source(channel, path, None, grid.shape, grid.affine, layer.name)
    if path is None or not path.is_file():
        return source
    known = identity_of(path)
    return dataclasses.replace(
        source,
        sha256=known.digest,
        # A series whose layer was given a name that says no contrast is still what the scanner called it.
        title=name_with_contrast(layer.name, known.title),
        frame_of_reference=known.frame_of_reference,
        patient=known.patient,
        thickness=known.thickness,
    )


def grids_differ(layers: Mapping[str, Any]) -> bool:
    """Whether the layers lie on different grids, so that one of them is to be the reference."""
    with contextlib.suppress(CaseError):
        grids = [_grid_of(layer) for layer in layers.values()]
        return not all(same_voxels(grid, grids[0]) for grid in grids[1:])
    return False


def resampled_layers(layers: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """Names of the layers that are to be resampled, and of the first, to whose voxels they are."""
    found: list[str] = []
    first = next(iter(layers.values()), None)
    for layer in layers.values():
        with contextlib.suppress(CaseError):
            if not same_voxels(_grid_of(layer), _grid_of(first)):
                found.append(layer.name)
    return tuple(found), "" if first is None else first.name


def voxel_sizes(layers: Mapping[str, Any]) -> dict[str, float]:
    """Volume of a voxel of each layer that has a usable grid, ml."""
    found = {}
    for channel, layer in layers.items():
        with contextlib.suppress(CaseError):
            found[channel] = _grid_of(layer).voxel_ml
    return found


def grid_problem(layers: Mapping[str, Any], *, chosen: bool = False) -> str:
    """A sentence where the layers cannot be brought to one grid, else nothing: before any voxel is read.

    Parameters
    ----------
    layers : mapping of channel name to napari Image layer
        The reference first.
    chosen : bool
        Whether a person has chosen the reference.
    """
    try:
        grids = [(layer.name, _grid_of(layer)) for layer in layers.values()]
        for name, grid in grids[1:]:
            require_movable(grid, name, grids[0][1], grids[0][0], chosen=chosen)
    except CaseError as error:
        return str(error)
    return ""


def folders_of(layers: Mapping[str, Any]) -> tuple[str, ...]:
    """The folders of NIfTI files among the layers where there are several: perhaps of several patients."""
    # DICOM series of one patient have a folder each.
    paths = [path for path in map(path_of, layers.values()) if path is not None and not is_dicom(path)]
    found = dict.fromkeys(path.parent for path in paths)
    return tuple(folder.name for folder in found) if len(found) > 1 else ()


def tilted(layers: Mapping[str, Any]) -> tuple[str, float] | None:
    """The layer that is tilted most against the patient's axes, and by how many degrees."""
    found = [
        (layer.metadata.get(METADATA_KEY, {}).get("oblique_degrees", 0.0), layer.name)
        for layer in layers.values()
    ]
    degrees, name = max(found, default=(0.0, ""))
    return (name, float(degrees)) if degrees > 0 else None


def gaps(layers: Mapping[str, Any]) -> tuple[str, float, float] | None:
    """The first layer whose slices leave much between them: its name, their thickness and distance, mm."""
    for channel, layer in layers.items():
        with contextlib.suppress(CaseError):
            grid, known = _grid_of(layer), layer.metadata.get(METADATA_KEY, {})
            source = Source(channel, None, None, grid.shape, grid.affine, thickness=known.get("thickness"))
            if source.thickness is not None and source.has_gaps:
                return layer.name, source.thickness, source.between_mm
    return None


def layer_of_file(layers: Any, path: Path) -> Any:
    """The layer that was read from a file, or None."""
    for layer in layers:
        known = path_of(layer)
        if known is not None and known.absolute() == path and RESULT_KEY not in layer.metadata:
            return layer
    return None


def layers_of_case(layers: Any, case: Case, image: Any) -> list[Any]:
    """The open layers that a case was read from: ``image``, and those of its files."""
    files = (layer_of_file(layers, s.path.absolute()) for s in case.sources if s.path is not None)
    found = [layer for layer in files if layer is not None and layer is not image]
    return found if image is None else [image, *found]


def path_of(layer: Any) -> Path | None:
    """The file that a layer was read from by our reader, or None."""
    path = layer.metadata.get(METADATA_KEY, {}).get("path")
    return Path(path) if path else None


def reference_of_layer(layer: Any, case: Case) -> IntArray:
    """A reference layer's labels on the case's grid; CaseError if they lie elsewhere or are another's."""
    path = path_of(layer)
    if path is not None and is_dicom(path):
        own = _source("reference", layer)
        for source in case.sources:
            require_together(own, f"'{layer.name}'", source, f"'{source.name or source.channel}'")
    return onto_grid(_array(layer), _grid_of(layer), layer.name, case.grid, case.name)


def unplaced(layers: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the layers that do not say how they lie in the patient, and are taken as they look."""
    found = []
    for layer in layers.values():
        # What has no usable grid at all is said by `grid_problem`.
        with contextlib.suppress(CaseError):
            if not _grid_of(layer).placed:
                found.append(layer.name)
    return tuple(found)


def _array(layer: Any) -> Any:
    try:
        return from_layer(voxels_of(layer), layer.metadata)
    except CaseError as error:
        raise CaseError(f"'{layer.name}': {error}") from error


def _grid_of(layer: Any) -> Grid:
    try:
        return grid_of(layer)
    except CaseError as error:
        raise CaseError(f"'{layer.name}': {error}") from error
