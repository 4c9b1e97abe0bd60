"""What can be said of a mask without a reference: its classes, its doubt, its steadiness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_osuda.evaluation.overlap import Mask, dice, overlap_ratio
from napari_osuda.evaluation.regions import Regions, region_masks

__all__ = [
    "Consistency",
    "Head",
    "agreement",
    "class_fractions",
    "consistency",
    "flip_consistency",
    "normalized_entropy",
]

Head = Literal["softmax", "sigmoid"]
"""How the channels of a probability array relate: they sum to 1, or each says yes or no by itself."""


def class_fractions(
    labels: NDArray[Any], values: Sequence[int], within: Mask | None = None
) -> NDArray[np.float64]:
    """Share of the voxels that carry each label.

    Parameters
    ----------
    labels : ndarray of int
    values : sequence of int
        The K label values asked for.
    within : ndarray of bool, optional
        Voxels that count, for example the brain.

    Returns
    -------
    ndarray of float64, shape [K]
        0 everywhere where no voxel counts.
    """
    inside = labels if within is None else labels[within]
    return np.array([np.count_nonzero(inside == value) for value in values]) / max(inside.size, 1)


def normalized_entropy(
    probabilities: NDArray[np.floating[Any]], head: Head = "softmax"
) -> NDArray[np.float32]:
    """Entropy of each voxel's prediction over the largest that it can be.

    Parameters
    ----------
    probabilities : ndarray of float, shape [K, ...]
    head : {"softmax", "sigmoid"}
        "softmax": - sum_k p_k log p_k / log K, K > 1. "sigmoid": the Bernoulli entropy over log 2, mean
        of the channels (eq. 6 of Liu et al., MICCAI 2021, in either form, divided by log K or log 2).

    Returns
    -------
    ndarray of float32, shape [...]
        0 (certain) to 1 (all classes alike). Times log K (or log 2) it is in nats.
    """
    p = np.asarray(probabilities, dtype=np.float32)
    if head == "softmax":
        entropy = -_p_log_p(p).sum(axis=0) / np.log(p.shape[0])
    else:
        entropy = -(_p_log_p(p) + _p_log_p(1.0 - p)).mean(axis=0) / np.log(2.0)
    # Rounding of the network's own softmax can leave a sum a hair above 1.
    clipped: NDArray[np.float32] = np.clip(entropy, 0.0, 1.0).astype(np.float32)
    return clipped


def _p_log_p(p: NDArray[np.float32]) -> NDArray[np.float32]:
    # p log p tends to 0 with p, where log p itself has no value.
    return p * np.log(np.maximum(p, np.finfo(np.float32).tiny))


def agreement(before: NDArray[Any], after: NDArray[Any], regions: Regions) -> dict[str, float]:
    """Dice between the masks before and after adaptation, for each region."""
    first, second = region_masks(before, regions), region_masks(after, regions)
    return {name: dice(first[name], second[name]) for name in regions}


@dataclass(frozen=True)
class Consistency:
    """How alike two predictions of the same image are, on the voxels that either calls foreground.

    Parameters
    ----------
    overlap : float
        Shared probability: the mean of sum_k min(p_k, q_k) (1 minus the total variation distance) for
        "softmax", of 1 - |p_k - q_k| over the channels for "sigmoid". 0 (nothing shared) to 1 (the same).
    dice : float
        Dice of the two decisions over all foreground classes: 2 x voxels and classes decided alike over the
        sum of both decisions' sizes. 1 where neither finds foreground.
    """

    overlap: float
    dice: float


def consistency(
    probabilities: NDArray[np.floating[Any]], other: NDArray[np.floating[Any]], head: Head = "softmax"
) -> Consistency:
    """Compare two predictions of one image that lie on the same grid.

    Background is most of a head, and two predictions agree there at little cost: only voxels that either
    of them decides to be foreground count.

    Parameters
    ----------
    probabilities, other : ndarray of float, shape [K, ...]
        "softmax": channel 0 is background, and the largest decides. "sigmoid": each channel above 0.5 decides
        for itself, and none of them is background.
    head : {"softmax", "sigmoid"}

    Returns
    -------
    Consistency
        Both values 1 where neither finds foreground.
    """
    first, second = _decided(probabilities, head), _decided(other, head)
    found = (first | second).any(axis=0)
    p, q = probabilities[:, found], other[:, found]
    shared = np.minimum(p, q).sum(axis=0) if head == "softmax" else (1.0 - np.abs(p - q)).mean(axis=0)
    same = 2 * np.count_nonzero(first & second)
    return Consistency(
        overlap=float(shared.mean()) if shared.size else 1.0,
        dice=overlap_ratio(same, np.count_nonzero(first) + np.count_nonzero(second)),
    )


def flip_consistency(
    probabilities: NDArray[np.floating[Any]],
    of_flipped: NDArray[np.floating[Any]],
    axis: int,
    head: Head = "softmax",
) -> Consistency:
    """Compare a prediction with that of the mirrored image, mirrored back.

    Parameters
    ----------
    probabilities : ndarray of float, shape [K, ...]
        Of the image.
    of_flipped : ndarray of float, shape [K, ...]
        Of the image mirrored along ``axis``, as it came out of the network.
    axis : int
        Counted in ``probabilities``, so not 0, which is the classes'.
    head : {"softmax", "sigmoid"}

    Returns
    -------
    Consistency
    """
    if axis % probabilities.ndim == 0:
        raise ValueError("axis 0 holds the classes; mirror along a space axis")
    return consistency(probabilities, np.flip(of_flipped, axis=axis), head)


def _decided(probabilities: NDArray[np.floating[Any]], head: Head) -> Mask:
    """One mask a foreground class."""
    if head == "sigmoid":
        return probabilities > 0.5
    decision = probabilities.argmax(axis=0)
    return np.stack([decision == k for k in range(1, probabilities.shape[0])])
