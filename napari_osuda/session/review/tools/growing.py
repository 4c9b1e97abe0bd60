"""A label that grows along the intensities of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["grow", "in_range", "range_of"]

Labels = NDArray[Any]


def in_range(image: NDArray[Any], low: float, high: float) -> NDArray[np.bool_]:
    """Where an image's intensity is from ``low`` to ``high``, both included; never where it is NaN."""
    found: NDArray[np.bool_] = (image >= low) & (image <= high)
    return found


def grow(
    labels: Labels,
    image: NDArray[Any],
    label: int,
    low: float,
    high: float,
    reach_mm: float,
    spacing: Sequence[float],
) -> Labels:
    """Grow a label into background that is connected to it, of these intensities, and near.

    Parameters
    ----------
    labels : integer array, 2-D or 3-D
        Other labels are never written over.
    image : float array
        Of the same shape.
    label : int
    low, high : float
        Intensities that it may grow into.
    reach_mm : float
        The farthest, in a straight line from the label as it is, mm.
    spacing : sequence of float
        Voxel size along each axis, mm.

    Returns
    -------
    integer array
        Of the same shape and dtype.
    """
    seed = labels == label
    result = labels.copy()
    if not seed.any():
        return result
    near = ndimage.distance_transform_edt(~seed, sampling=spacing) <= reach_mm
    open_to_it = seed | (near & (labels == 0) & in_range(image, low, high))
    result[ndimage.binary_propagation(seed, mask=open_to_it)] = label
    return result


def range_of(labels: Labels, image: NDArray[Any], label: int | None) -> tuple[float, float] | None:
    """The 5th and the 95th percentile of an image inside a label (None: any); None where there is none."""
    inside = image[labels != 0 if label is None else labels == label]
    inside = inside[np.isfinite(inside)]
    if not inside.size:
        return None
    low, high = np.percentile(inside, (5.0, 95.0))
    return float(low), float(high)
