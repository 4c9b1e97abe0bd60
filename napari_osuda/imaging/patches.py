"""Where the patches of a volume lie that together show the whole head."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["covering_patches", "head_sizes"]


def covering_patches(head: NDArray[np.bool_], patch: Sequence[int]) -> NDArray[np.intp]:
    """The fewest patches in rows that cover the head's box, spread evenly over it.

    Parameters
    ----------
    head : bool array [D, H, W]
        Where the head is.
    patch : three int
        Size of a patch, at most that of ``head``.

    Returns
    -------
    int array [n, 3]
        First voxel of each; every voxel of the head lies in at least one, and each holds some of it. In the
        order of the array.
    """
    starts = []
    for axis, edge in enumerate(patch):
        held = np.flatnonzero(head.any(axis=tuple(i for i in range(3) if i != axis)))
        if not held.size:
            return np.empty((0, 3), np.intp)
        first, last = int(held[0]), int(held[-1]) + 1
        count = math.ceil((last - first) / edge)
        if count == 1:
            # Centered on the head, as far as the volume reaches.
            centered = first - (edge - (last - first)) // 2
            starts.append(np.array([min(max(centered, 0), head.shape[axis] - edge)]))
        else:
            starts.append(np.linspace(first, last - edge, count).round().astype(np.intp))
    corners = np.stack(np.meshgrid(*starts, indexing="ij"), axis=-1).reshape(-1, 3).astype(np.intp)
    kept: NDArray[np.intp] = corners[head_sizes(head, corners, patch) > 0]
    return kept


def head_sizes(head: NDArray[np.bool_], corners: NDArray[np.intp], patch: Sequence[int]) -> NDArray[np.intp]:
    """Voxels of the head in each patch that begins at ``corners`` [n, 3]: [n]."""
    return np.array(
        [
            np.count_nonzero(head[tuple(slice(s, s + n) for s, n in zip(corner, patch, strict=True))])
            for corner in corners
        ],
        np.intp,
    )
