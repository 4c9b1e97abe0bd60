"""Connected parts of a mask: holes are filled, islands removed, and removed pieces brought back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_osuda.evaluation import pieces_of

__all__ = ["bring_back", "fill_holes", "remove_islands"]

Labels = NDArray[Any]


def fill_holes(labels: Labels, label: int | None = None) -> Labels:
    """Give each hole the label that surrounds most of it.

    A hole is a connected part of the background (neighbors share a face) that does not reach the border of
    the array. Labels themselves are never changed.

    Parameters
    ----------
    labels : integer array, 2-D or 3-D
    label : int, optional
        Fills only holes that this label surrounds most of.

    Returns
    -------
    integer array
        Of the same shape and dtype.
    """
    result = labels.copy()
    parts, count = ndimage.label(labels == 0)
    if not count:
        return result
    open_ones = np.unique(np.concatenate([_border(parts, axis) for axis in range(parts.ndim)]))
    around = _surroundings(parts, labels, count)
    fill = around if label is None else np.where(around == label, around, 0)
    fill[open_ones] = 0
    found = fill[parts]
    return np.where(found != 0, found, result)


def remove_islands(labels: Labels, voxel_ml: float, least_ml: float, label: int | None = None) -> Labels:
    """Remove connected parts (neighbors share a corner) that are smaller than a volume.

    Parameters
    ----------
    labels : integer array, 2-D or 3-D
    voxel_ml : float
        Volume of a voxel, ml.
    least_ml : float
        Smaller parts are removed, ml.
    label : int, optional
        Parts of this label, which take the label that surrounds most of them, such as the background.
        None: parts of all labels together, so that a small label within a large one stays.

    Returns
    -------
    integer array
        Of the same shape and dtype.
    """
    wanted = labels != 0 if label is None else labels == label
    parts, count = ndimage.label(wanted, np.ones((3,) * labels.ndim, bool))
    if not count:
        return labels.copy()
    small = np.bincount(parts.ravel(), minlength=count + 1) * voxel_ml < least_ml
    small[0] = False
    instead = _surroundings(parts, labels, count)
    return np.where(small[parts], instead[parts], labels)


def bring_back(labels: Labels, before: Labels, after: Labels, piece: int) -> Labels:
    """Put a piece that ``after`` lacks back, where nothing else was marked since.

    Parameters
    ----------
    labels, before, after : integer array [I, J, K]
        A mask to change, the one that has the piece, and the one without it.
    piece : int
        Its number by `napari_osuda.evaluation.pieces_of`.

    Returns
    -------
    integer array [I, J, K]
    """
    numbers, _ = pieces_of((before != 0) & (after == 0))
    return np.where((numbers == piece) & (labels == 0), before, labels).astype(labels.dtype, copy=False)


def _surroundings(parts: NDArray[np.signedinteger[Any]], labels: Labels, count: int) -> Labels:
    """The label that most faces of each part's surface look at, [count + 1]; 0 where there is none."""
    values, indices = np.unique(labels, return_inverse=True)
    indices = indices.reshape(labels.shape)
    votes = np.zeros((count + 1) * len(values), np.int64)
    for axis in range(parts.ndim):
        part, own = np.moveaxis(parts, axis, 0), np.moveaxis(indices, axis, 0)
        for inside, outside in ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))):
            face = (part[inside] != 0) & (part[outside] == 0)
            pairs = part[inside][face].astype(np.int64) * len(values) + own[outside][face]
            votes += np.bincount(pairs, minlength=len(votes))
    table = votes.reshape(count + 1, len(values))
    chosen: Labels = values[table.argmax(axis=1)]
    chosen[table.sum(axis=1) == 0] = 0
    return chosen


def _border(parts: NDArray[np.signedinteger[Any]], axis: int) -> NDArray[np.signedinteger[Any]]:
    ends: NDArray[np.signedinteger[Any]] = np.take(parts, [0, -1], axis=axis).ravel()
    return ends
