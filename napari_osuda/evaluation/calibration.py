"""Whether a network is as often right as it is sure: expected calibration error and Brier score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.evaluation.labelfree import Channels
from napari_osuda.evaluation.overlap import Mask

__all__ = ["Calibration", "CalibrationTally"]

_BINS = 15


@dataclass(frozen=True)
class Calibration:
    """Calibration of one prediction against a reference.

    Parameters
    ----------
    voxels : int
        That were counted.
    ece : float
        Expected calibration error (Guo et al., ICML 2017): in 15 equal bins of confidence, the gap between
        mean confidence and the share that is right, averaged over the voxels; 0 to 1.
    brier : float
        Mean of sum_k (p_k - y_k)^2 (Brier 1950) for "softmax", 0 to 2; of (p - y)^2 over the channels for
        "sigmoid", 0 to 1.
    confidence, accuracy, share : tuple of float
        Of each bin, for a reliability diagram: mean confidence, share that is right, share of the voxels. An
        empty bin has zeros.
    """

    voxels: int
    ece: float
    brier: float
    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]
    share: tuple[float, ...]

    @property
    def overconfidence(self) -> float:
        """Mean confidence less the share that is right: positive where the network is too sure."""
        gap = np.subtract(self.confidence, self.accuracy)
        return float(np.dot(gap, self.share))


class CalibrationTally:
    """Counts batch by batch, so that no probabilities need to be kept.

    Parameters
    ----------
    head : {"softmax", "sigmoid"}
        "softmax": the confidence is the largest probability, and it is right where that is the true class.
        "sigmoid": each channel says yes or no, with the confidence of what it says, and all are pooled.
    """

    def __init__(self, head: Channels = "softmax") -> None:
        self._head = head
        self._counts = np.zeros(_BINS, np.int64)
        self._sums: NDArray[np.float64] = np.zeros((2, _BINS))
        self._brier = 0.0
        self._voxels = 0

    def add(self, probabilities: NDArray[np.floating[Any]], truth: Mask, within: Mask) -> None:
        """Count voxels.

        Parameters
        ----------
        probabilities : float array [K, ...]
        truth : bool array [K, ...]
            Which classes a voxel has; exactly one for "softmax".
        within : bool array [...]
            Voxels that count. Air is right with certainty and would hide every fault: leave it out.
        """
        p, y = probabilities[:, within].astype(np.float64), truth[:, within]
        self._voxels += p.shape[1]
        error = (p - y) ** 2
        if self._head == "softmax":
            self._brier += float(error.sum())
            confidence = p.max(axis=0)
            right = np.take_along_axis(y, p.argmax(axis=0)[None], 0)[0]
        else:
            self._brier += float(error.mean(axis=0).sum())
            confidence = np.maximum(p, 1 - p).ravel()
            right = ((p > 0.5) == y).ravel()
        # A confidence of exactly 1 belongs to the last bin.
        index = np.minimum((confidence * _BINS).astype(np.intp), _BINS - 1)
        self._counts += np.bincount(index, minlength=_BINS)
        self._sums[0] += np.bincount(index, confidence, _BINS)
        self._sums[1] += np.bincount(index, right.astype(np.float64), _BINS)

    def result(self) -> Calibration | None:
        """What was counted; None if nothing was."""
        if not self._voxels:
            return None
        confidence, accuracy = self._sums / np.maximum(self._counts, 1)
        share = self._counts / self._counts.sum()
        return Calibration(
            voxels=self._voxels,
            ece=float(np.abs(confidence - accuracy) @ share),
            brier=self._brier / self._voxels,
            confidence=tuple(confidence.tolist()),
            accuracy=tuple(accuracy.tolist()),
            share=tuple(share.tolist()),
        )
