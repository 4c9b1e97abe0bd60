"""What can be said of a mask without a reference: its doubt, its coherence, its pieces."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_osuda.evaluation.overlap import dice

__all__ = ["Channels", "coherence", "largest_piece", "normalized_entropy"]

Channels = Literal["softmax", "sigmoid"]
"""How the channels of a probability array relate: they sum to 1, or each says yes or no by itself."""


def normalized_entropy(
    probabilities: NDArray[np.floating[Any]], channels: Channels = "softmax"
) -> NDArray[np.float32]:
    """Entropy of each voxel's prediction over the largest that it can be.

    Parameters
    ----------
    probabilities : ndarray of float, shape [K, ...]
    channels : {"softmax", "sigmoid"}
        "softmax": - sum_k p_k log p_k / log K, K > 1. "sigmoid": the Bernoulli entropy over log 2, mean
        of the channels (eq. 6 of Liu et al., MICCAI 2021, in either form, divided by log K or log 2).

    Returns
    -------
    ndarray of float32, shape [...]
        0 (certain) to 1 (all classes alike). Times log K (or log 2) it is in nats.
    """
    p = np.asarray(probabilities, dtype=np.float32)
    if channels == "softmax":
        entropy = -_p_log_p(p).sum(axis=0) / np.log(p.shape[0])
    else:
        entropy = -(_p_log_p(p) + _p_log_p(1.0 - p)).mean(axis=0) / np.log(2.0)
    # Rounding of the network's own softmax can leave a sum a hair above 1.
    clipped: NDArray[np.float32] = np.clip(entropy, 0.0, 1.0).astype(np.float32)
    return clipped


def _p_log_p(p: NDArray[np.float32]) -> NDArray[np.float32]:
    # p log p tends to 0 with p, where log p itself has no value.
    return p * np.log(np.maximum(p, np.finfo(np.float32).tiny))


def coherence(mask: NDArray[np.bool_]) -> float:
    """Dice of a mask with itself one slice further along its first axis: a 2-D network knows no neighbor."""
    return dice(mask[:-1], mask[1:])


def largest_piece(mask: NDArray[np.bool_]) -> float:
    """Share of a mask in its largest piece (connected across faces, edges, corners); 1 where it is empty."""
    pieces, count = scipy.ndimage.label(mask, np.ones((3,) * mask.ndim))
    if not count:
        return 1.0
    sizes = np.bincount(pieces.ravel())[1:]
    return float(sizes.max() / sizes.sum())
