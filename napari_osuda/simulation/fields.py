"""Smooth random fields: what makes one simulated head differ from the next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["smooth_noise"]


def smooth_noise(
    rng: np.random.Generator, shape: Sequence[int], spacing: Sequence[float], scale: float
) -> NDArray[np.float32]:
    """Draw a smooth Gaussian field of mean 0 and standard deviation 1.

    Parameters
    ----------
    rng : numpy.random.Generator
        The only source of chance.
    shape : sequence of three int
        Voxels of the grid.
    spacing : sequence of three float
        Of the grid, mm.
    scale : float
        Distance of the knots of the cubic B-spline whose coefficients are drawn, mm: features of the field
        are about that large.

    Returns
    -------
    float32 array of ``shape``

    Notes
    -----
    A tensor product of three small matrices: it costs no more for a long scale than for a short one,
    whereas a Gaussian filter's cost grows with its width.
    """
    bases = [_bspline_basis(n, mm / scale) for n, mm in zip(shape, spacing, strict=True)]
    coefficients = rng.standard_normal([basis.shape[1] for basis in bases], dtype=np.float32)
    field = coefficients
    for basis in bases:
        # Contracts the first axis and puts the result last, so three turns bring the axes back in order.
        field = np.tensordot(field, basis, axes=(0, 1))
    # The variance of a sum of independent coefficients is the sum of the squared weights.
    deviation = np.sqrt(np.prod([np.square(basis).sum(axis=1).mean() for basis in bases]))
    return np.ascontiguousarray(field / np.float32(deviation))


def _bspline_basis(n: int, step: float) -> NDArray[np.float32]:
    """Weights [n, knots] of the cubic B-splines at n points that lie ``step`` knots apart."""
    position = np.arange(n) * step
    first = np.floor(position).astype(int)
    t = position - first
    weights = np.stack(
        [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1
    )
    basis = np.zeros((n, int(first[-1]) + 4), np.float32)
    np.put_along_axis(basis, first[:, None] + np.arange(4), (weights / 6).astype(np.float32), axis=1)
    return basis
