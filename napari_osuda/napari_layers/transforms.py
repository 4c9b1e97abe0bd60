"""Where a layer's voxels lie in the viewer's world, by all that a layer can say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError
from napari_osuda.imaging import Grid
from napari_osuda.imaging.world import grid_of_layer

__all__ = ["TRANSFORM", "grid_of", "matrix_of_attributes", "voxels_of"]

TRANSFORM = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
"""A layer's attributes that say where it lies, and along which axes."""

_MM = {
    "kilometer": 1e6, "meter": 1e3, "decimeter": 100.0, "centimeter": 10.0, "millimeter": 1.0,
    "micrometer": 1e-3, "micron": 1e-3, "nanometer": 1e-6, "angstrom": 1e-7, "picometer": 1e-9,
    "inch": 25.4, "foot": 304.8,
    "m": 1e3, "cm": 10.0, "mm": 1.0, "um": 1e-3, "µm": 1e-3, "nm": 1e-6,
    # What has no unit counts in millimeters.
    "pixel": 1.0, "dimensionless": 1.0, "": 1.0,
}  # fmt: skip


# Axes of a layer that are none of space.
_NOT_SPACE = {"t", "time", "c", "ch", "channel", "volume", "echo"}


def voxels_of(layer: Any) -> NDArray[Any]:
    """The values of an image or labels layer, of one with several resolutions the finest.

    Raises
    ------
    CaseError
        They are colors.
    """
    if getattr(layer, "rgb", False):
        raise CaseError(
            "It is a color picture, and an MRI volume has one value a voxel: open the MRI itself."
        )
    return np.asarray(layer.data[0] if getattr(layer, "multiscale", False) else layer.data)


def grid_of(layer: Any) -> Grid:
    """The voxel grid of an image or labels layer.

    Raises
    ------
    CaseError
        See `napari_osuda.imaging.world.grid_of_layer`; or its units are no lengths, or an axis is one of time
        or of colors.
    """
    shape = layer.data.shape
    other = next((label for label in layer.axis_labels[-3:] if label.lower() in _NOT_SPACE), None)
    if len(shape) == 3 and (other or getattr(layer, "rgb", False)):
        what = f"Its axis '{other}' is none of space" if other else "It is a color picture"
        raise CaseError(f"{what}, and a volume of three axes is needed: open the MRI itself.")
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
    names = [str(unit) for unit in units][-3:]
    unknown = next((name for name in names if name not in _MM), None)
    if unknown is not None:
        raise CaseError(f"The layer counts in {unknown}, which is not a known length: set its units to mm.")
    factors = [_MM[name] for name in names]
    if factors:
        matrix = np.diag([*factors, 1.0]) @ matrix
    return matrix
