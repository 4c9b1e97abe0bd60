"""A head with a lesion, as arrays."""

from __future__ import annotations

import numpy as np

AFFINE = np.diag([-2.0, -2.0, 3.0, 1.0]) + np.array(
    [[0, 0, 0, 30], [0, 0, 0, 30], [0, 0, 0, -10], [0, 0, 0, 0]]
)


def head(shape: tuple[int, int, int] = (30, 34, 9), seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A round head with a bright lesion in it, and where the lesion is; the outer slices are empty."""
    rng = np.random.default_rng(seed)
    grid = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    inside = grid[0] ** 2 + grid[1] ** 2 < 0.8
    inside[..., 0] = inside[..., -1] = False
    lesion = (grid[0] - 0.2) ** 2 + (grid[1] + 0.1) ** 2 + grid[2] ** 2 < 0.15
    lesion &= inside
    image = np.where(inside, 100 + 60 * lesion + rng.normal(0, 8, shape), 0).astype(np.float32)
    return image, lesion.astype(np.uint8)
