"""Series of the scanner, in several directions."""

from __future__ import annotations

import nibabel as nib
import numpy as np

SHAPE = (7, 5, 4)


def rotated(degrees: float = 12.0) -> np.ndarray:
    a = np.deg2rad(degrees)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([-0.9, -1.1, 3.0])
    affine[:3, 3] = 30, -20, 10
    return affine


AFFINES = {
    "axial": np.array([[-0.9, 0, 0, 30], [0, -1.1, 0, 20], [0, 0, 3.0, -10], [0, 0, 0, 1]]),
    "sagittal": np.array([[0, 0, 3.0, -10], [-0.9, 0, 0, 30], [0, -1.1, 0, 20], [0, 0, 0, 1]]),
    "oblique": rotated(),
}


def placed(data: np.ndarray, affine: np.ndarray) -> dict[tuple, float]:
    """Each voxel's value by its place in the scanner: what must not change, whatever the array order."""
    index = np.stack(np.meshgrid(*map(np.arange, data.shape), indexing="ij"), -1).reshape(-1, 3)
    world = nib.affines.apply_affine(affine, index).round(3) + 0.0
    return {tuple(place): float(value) for place, value in zip(world.tolist(), data.ravel(), strict=True)}
