"""Where a layer's voxels lie in the viewer's world, by all that a layer can say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.imaging import Grid
from napari_osuda.imaging.world import grid_of_layer

__all__ = ["TRANSFORM", "grid_of", "matrix_of_attributes"]

TRANSFORM = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
"""A layer's attributes that say where it lies, and along which axes."""

_MM = {"meter": 1e3, "centimeter": 10.0, "millimeter": 1.0, "micrometer": 1e-3, "nanometer": 1e-6}


def grid_of(layer: Any) -> Grid:
    """The voxel grid of an image or labels layer.

    Raises
    ------
    CaseError
        See `napari_osuda.imaging.world.grid_of_layer`.
    """
    shape = layer.data.shape
    if len(shape) != 3:
        return grid_of_layer(shape, layer.metadata, np.eye(4))
    origin = np.asarray(layer.data_to_world((0.0, 0.0, 0.0)), np.float64)[-3:]
    matrix = np.eye(4)
    matrix[:3, 3] = origin
    for axis, step in enumerate(np.eye(3)):
        matrix[:3, axis] = np.asarray(layer.data_to_world(tuple(step)), np.float64)[-3:] - origin
    return grid_of_layer(shape, layer.metadata, _in_mm(matrix, layer.units), layer.axis_labels)


def matrix_of_attributes(attributes: Mapping[str, Any]) -> NDArray[np.float64]:
    """From voxels to the viewer's world, mm [4, 4], by the attributes that a writer is given."""
    from napari.utils.transforms import Affine

    given = {key: attributes.get(key) for key in ("scale", "translate", "rotate", "shear")}
    inner = Affine(ndim=3, **{key: value for key, value in given.items() if value is not None})
    outer = attributes.get("affine")
    matrix = np.asarray(inner.affine_matrix, np.float64)
    if outer is not None:
        matrix = np.asarray(outer, np.float64) @ matrix
    return _in_mm(matrix, attributes.get("units") or ())


def _in_mm(matrix: NDArray[np.float64], units: Sequence[Any]) -> NDArray[np.float64]:
    # A pixel, napari's unit for what has none, counts as a millimeter.
    factors = [_MM.get(str(unit), 1.0) for unit in units][-3:]
    if factors:
        matrix = np.diag([*factors, 1.0]) @ matrix
    return matrix
