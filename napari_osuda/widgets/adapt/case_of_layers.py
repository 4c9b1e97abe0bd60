"""Image layers as a case."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_osuda.errors import CaseError
from napari_osuda.imaging import (
    Case,
    Grid,
    case_from_arrays,
    identity_of,
    require_same_grid,
    telling_name,
)
from napari_osuda.imaging.dicom import is_dicom
from napari_osuda.imaging.volumes import without_suffix
from napari_osuda.imaging.world import METADATA_KEY, from_layer, grid_of_layer
from napari_osuda.widgets.adapt.result_layers import IntArray


def case_name(layers: Mapping[str, Any]) -> str:
    """What the case of these layers is called: by its folder, its file, or its first layer."""
    paths = [_path_of(layer) for layer in layers.values()]
    first = next((path for path in paths if path is not None), None)
    if first is None:
        return next(iter(layers.values())).name if layers else "case"
    if len(layers) == 1:
        return first.parent.name if is_dicom(first) else without_suffix(first.name)
    # DICOM series have folders of their own, in that of the patient.
    together = os.path.commonpath([path.parent for path in paths if path is not None])
    return Path(together).name or first.parent.name


def case_of_layers(layers: Mapping[str, Any]) -> Case:
    """The case that a model is given.

    Parameters
    ----------
    layers : mapping of channel name to napari Image layer
        In the model's order.

    Raises
    ------
    CaseError
        The layers do not lie on one grid; the sentence names those that differ.
    """
    grids = {channel: _grid_of(layer) for channel, layer in layers.items()}
    (first, grid), *others = grids.items()
    for channel, other in others:
        require_same_grid(grid, layers[first].name, other, layers[channel].name)
    arrays = {c: from_layer(np.asarray(layer.data), layer.metadata) for c, layer in layers.items()}
    case = case_from_arrays(case_name(layers), arrays, grid)
    sources = []
    for source, layer in zip(case.sources, layers.values(), strict=True):
        path = _path_of(layer)
        digest, title = None, layer.name
        if path is not None and path.is_file():
            # A series whose layer was given a name that says no contrast is still what the scanner called it.
            digest, called = identity_of(path)
            title = telling_name(layer.name, called)
        sources.append(dataclasses.replace(source, path=path, sha256=digest, title=title))
    return dataclasses.replace(case, sources=tuple(sources))


def grid_problem(layers: Mapping[str, Any]) -> str:
    """A sentence where the layers do not lie on one grid, else nothing: known before any voxel is read."""
    grids = [(layer.name, _grid_of(layer)) for layer in layers.values()]
    try:
        for name, grid in grids[1:]:
            require_same_grid(grids[0][1], grids[0][0], grid, name)
    except CaseError as error:
        return str(error)
    return ""


def tilted(layers: Mapping[str, Any]) -> tuple[str, float] | None:
    """The layer that is tilted most against the patient's axes, and by how many degrees."""
    found = [
        (layer.metadata.get(METADATA_KEY, {}).get("oblique_degrees", 0.0), layer.name)
        for layer in layers.values()
    ]
    degrees, name = max(found, default=(0.0, ""))
    return (name, float(degrees)) if degrees > 0 else None


def reference_of_layer(layer: Any, case: Case) -> IntArray:
    """A reference layer's labels on the case's grid; CaseError if they lie elsewhere."""
    require_same_grid(case.grid, case.name, _grid_of(layer), layer.name)
    return from_layer(np.asarray(layer.data), layer.metadata)


def _grid_of(layer: Any) -> Grid:
    return grid_of_layer(layer.data.shape, layer.metadata, layer.scale, layer.translate, layer.axis_labels)


def _path_of(layer: Any) -> Path | None:
    path = layer.metadata.get(METADATA_KEY, {}).get("path")
    return Path(path) if path else None
