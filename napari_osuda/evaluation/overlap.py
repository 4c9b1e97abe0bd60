"""Overlap of two masks, and the volume of one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.evaluation.geometry import Steps, voxel_ml

__all__ = ["Mask", "dice", "overlap_ratio", "precision", "sensitivity", "volume_ml"]

Mask = NDArray[np.bool_]


def overlap_ratio(shared: np.integer[Any] | int, total: np.integer[Any] | int) -> float:
    """``shared / total``, and 1 where there is nothing on either side (0 / 0): two empty masks agree."""
    return 1.0 if total == 0 else float(shared / total)


def dice(a: Mask, b: Mask) -> float:
    """Dice similarity, ``2 |A and B| / (|A| + |B|)`` (Dice, Ecology 1945).

    Parameters
    ----------
    a, b : ndarray of bool, same shape

    Returns
    -------
    float
        In [0, 1]. Both masks empty: 1. One empty: 0.

    Examples
    --------
    >>> dice(np.array([True, True, False]), np.array([False, True, False]))
    0.6666666666666666
    """
    return overlap_ratio(2 * np.count_nonzero(a & b), np.count_nonzero(a) + np.count_nonzero(b))


def sensitivity(prediction: Mask, reference: Mask) -> float:
    """Share of the reference that was found, ``|P and R| / |R|``.

    Where it would be 0 / 0 the convention is that of `dice`, so that no case drops out of a mean:
    both masks empty: 1; the reference alone empty: 0.
    """
    return _share(prediction, reference, of=reference)


def precision(prediction: Mask, reference: Mask) -> float:
    """Share of the prediction that is right, ``|P and R| / |P|``.

    Where it would be 0 / 0 the convention is that of `dice`: both masks empty: 1; the prediction alone
    empty: 0.
    """
    return _share(prediction, reference, of=prediction)


def _share(prediction: Mask, reference: Mask, of: Mask) -> float:
    whole = np.count_nonzero(of)
    if whole == 0:
        return 0.0 if prediction.any() or reference.any() else 1.0
    return float(np.count_nonzero(prediction & reference) / whole)


def volume_ml(mask: NDArray[Any], spacing: Steps) -> float:
    """Volume of a mask in millilitres: its voxels times the volume of one (`voxel_ml`)."""
    return float(np.count_nonzero(mask) * voxel_ml(spacing))
