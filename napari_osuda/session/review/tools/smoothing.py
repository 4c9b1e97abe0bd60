"""Smoother outlines: each label's share under a Gaussian, and the largest share wins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["smooth"]

Labels = NDArray[Any]


def smooth(labels: Labels, spacing: Sequence[float], sigma_mm: float, label: int | None = None) -> Labels:
    """Smooth the outlines of labels.

    Parameters
    ----------
    labels : integer array, 2-D or 3-D
    spacing : sequence of float
        Voxel size along each axis, mm.
    sigma_mm : float
        Standard deviation of the Gaussian, mm.
    label : int, optional
        Smooths this label alone: what it gains is taken from others, and what it loses goes to the other
        label that has the largest share there. None: all labels at once.

    Returns
    -------
    integer array
        Of the same shape and dtype.
    """
    result = labels.copy()
    wanted = labels != 0 if label is None else labels == label
    if not wanted.any() or sigma_mm <= 0:
        return result
    sigma = [sigma_mm / step for step in spacing]
    box = _box(wanted, sigma)
    inside = labels[box]
    values = np.unique(inside)
    best = np.full(inside.shape, -np.inf, np.float32)
    chosen = inside.copy()
    own = np.zeros(inside.shape, np.float32)
    for value in values:
        share = ndimage.gaussian_filter((inside == value).astype(np.float32), sigma, mode="nearest")
        if label is not None and value == label:
            own = share
            continue
        better = share > best
        best[better], chosen[better] = share[better], value
    if label is not None:
        mine = own >= 0.5
        # Where the label neither was nor is, nothing changes.
        chosen = np.where(mine, np.array(label, labels.dtype), np.where(inside == label, chosen, inside))
    result[box] = chosen
    return result


def _box(wanted: NDArray[np.bool_], sigma: Sequence[float]) -> tuple[slice, ...]:
    box: list[slice] = []
    for axis, width in enumerate(sigma):
        others = tuple(other for other in range(wanted.ndim) if other != axis)
        where = np.flatnonzero(wanted.any(axis=others))
        margin = int(np.ceil(4 * width)) + 1
        box.append(slice(max(int(where[0]) - margin, 0), int(where[-1]) + margin + 1))
    return tuple(box)
