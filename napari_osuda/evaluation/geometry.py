"""How large voxels are and how far apart: from their edges alone, or from a whole affine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Steps", "pixel_mm2", "steps_of", "voxel_ml"]

Steps = Sequence[float] | NDArray[np.float64]
"""Voxel size in mm, one number an axis; or, where axes are not at right angles, the matrix that leads from
voxels to millimeters ([3, 3], or a whole affine [4, 4])."""


def steps_of(size: Steps) -> NDArray[np.float64]:
    """The vector of each array axis from one voxel to the next, mm: the columns of a matrix [n, n]."""
    matrix = np.asarray(size, dtype=np.float64)
    if matrix.ndim == 1:
        return np.diag(matrix)
    return matrix[:3, :3] if matrix.shape == (4, 4) else matrix


def voxel_ml(size: Steps) -> float:
    """Volume of a voxel in ml: the determinant of its steps, of sheared ones less than the edges' product."""
    return float(abs(np.linalg.det(steps_of(size))) / 1000.0)


def pixel_mm2(size: Steps, axis: int) -> float:
    """Area of a pixel within the slices along ``axis``, mm^2: that of the parallelogram of its two edges."""
    a, b = np.delete(steps_of(size), axis, axis=1).T
    return float(np.sqrt(max((a @ a) * (b @ b) - (a @ b) ** 2, 0.0)))
