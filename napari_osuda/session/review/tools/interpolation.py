"""Slices between two that were painted, by the shapes of these two (Raya and Udupa, IEEE TMI 1990)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["gap_around", "interpolate_slices"]

Labels = NDArray[Any]


def gap_around(painted: Sequence[int], index: int) -> tuple[int, int] | None:
    """The two painted slices, not neighbors, between which a slice lies; None if there are none.

    Of a slice that is painted itself, the gap after it, else the one before it.
    """
    by_hand = sorted(set(painted))
    gaps = [pair for pair in pairwise(by_hand) if pair[1] - pair[0] > 1]
    holding = [gap for gap in gaps if gap[0] <= index <= gap[1]]
    return holding[-1] if holding else None


def interpolate_slices(
    labels: Labels, first: int, last: int, spacing: Sequence[float], label: int | None = None
) -> Labels:
    """Fill the slices between two with the shapes in between.

    The signed distance to the outline is interpolated linearly, of each label and of all labels together; a
    voxel has a label where the latter is inside, and it is the label that is farthest inside. A label that
    only one of the two slices has ends halfway.

    Parameters
    ----------
    labels : integer array [S, H, W]
        The slices along the first axis.
    first, last : int
        The two that are kept.
    spacing : (float, float)
        Pixel size, mm.
    label : int, optional
        Only this label is drawn anew; others keep their voxels but where it now lies. None: all labels.

    Returns
    -------
    integer array
        Of the same shape and dtype.
    """
    result = labels.copy()
    ends = labels[first], labels[last]
    present = np.union1d(*ends)
    values = [int(v) for v in present if v != 0] if label is None else [label]
    if not values:
        if label is None:
            result[first + 1 : last] = 0
        return result
    either = np.isin(ends[0], values) | np.isin(ends[1], values)
    if not either.any():
        if label is not None:
            between = result[first + 1 : last]
            between[between == label] = 0
        return result
    whole = _distances([np.isin(end, values) for end in ends], spacing)
    single = {value: _distances([end == value for end in ends], spacing) for value in values}
    for index in range(first + 1, last):
        t = (index - first) / (last - first)
        inside = _between(whole, t) > 0
        depth = np.stack([_between(single[value], t) for value in values])
        drawn = np.array(values, labels.dtype)[depth.argmax(axis=0)]
        if label is None:
            result[index] = np.where(inside, drawn, 0)
        else:
            rest = np.where(result[index] == label, 0, result[index])
            result[index] = np.where(inside, drawn, rest)
    return result


def _between(pair: tuple[NDArray[np.float64], NDArray[np.float64]], t: float) -> NDArray[np.float64]:
    return (1 - t) * pair[0] + t * pair[1]


def _distances(
    masks: Sequence[NDArray[np.bool_]], spacing: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Signed distances to two outlines, mm, positive inside; an empty one is as far as the other is deep."""
    found = [_signed(mask, spacing) if mask.any() else None for mask in masks]
    one, other = found
    if one is None and other is None:
        nothing = np.full(masks[0].shape, -np.inf)
        return nothing, nothing
    if one is None:
        assert other is not None
        one = np.full(other.shape, -other.max())
    if other is None:
        other = np.full(one.shape, -one.max())
    return one, other


def _signed(mask: NDArray[np.bool_], spacing: Sequence[float]) -> NDArray[np.float64]:
    # A frame of background, so that a mask that fills the slice has an outline too.
    framed = np.pad(mask, 1)
    inner = ndimage.distance_transform_edt(framed, sampling=spacing)
    outer = ndimage.distance_transform_edt(~framed, sampling=spacing)
    signed: NDArray[np.float64] = (inner - outer)[1:-1, 1:-1]
    return signed
