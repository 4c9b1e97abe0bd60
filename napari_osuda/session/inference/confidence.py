"""How sure a network is of a case's mask, taken from its probabilities before they become labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from napari_osuda.evaluation import Calibration, CalibrationTally, normalized_entropy
from napari_osuda.evaluation.labelfree import Channels
from napari_osuda.imaging import SliceStack
from napari_osuda.models import ModelCard
from napari_osuda.models.classes import has_background

__all__ = ["Confidence"]


class Confidence:
    """Listens to a prediction (`napari_osuda.session.inference.prediction.predicted`) of one case.

    Parameters
    ----------
    stack : SliceStack
        Of the case.
    card : ModelCard
        What the probabilities mean.
    reference : integer array [I, J, K], optional
        For the calibration; voxels whose value the model does not know are left out.
    """

    def __init__(self, stack: SliceStack, card: ModelCard, reference: npt.NDArray[np.integer] | None) -> None:
        self._stack = stack
        self._card = card
        exclusive = card.activation == "softmax" or has_background(card)
        self._head: Channels = "softmax" if exclusive and len(card.output_channels) > 1 else "sigmoid"
        self._entropy: dict[int, npt.NDArray[np.float16]] = {}
        self._reference = None if reference is None else stack.stacked(reference)
        self._inside = None if reference is None else stack.stacked(stack.case.head.mask)
        self._tally = CalibrationTally(self._head)

    def __call__(self, indices: npt.NDArray[np.intp], probabilities: npt.NDArray[np.float32]) -> None:
        """Take slices [B] and their probabilities [B, K, H, W], in the case's own voxels."""
        for index, p in zip(indices.tolist(), probabilities, strict=True):
            # By torch, which has instructions for it: numpy rounds each value by itself.
            self._entropy[index] = torch.from_numpy(normalized_entropy(p, self._head)).half().numpy()
            if self._reference is None or self._inside is None:
                continue
            classes = self._classes(self._reference[index])
            within = self._inside[index]
            if self._head == "softmax":
                within = within & classes.any(axis=0)
            self._tally.add(p, classes, within)

    @property
    def uncertainty(self) -> npt.NDArray[np.float16]:
        """Normalized entropy [I, J, K] in the case's own voxels, 0 (sure) to 1; 0 where nothing was seen."""
        return np.asarray(self._stack.assemble(self._entropy), np.float16)

    @property
    def calibration(self) -> Calibration | None:
        """Against the reference, over the voxels of the head; None without one."""
        return self._tally.result()

    def _classes(self, labels: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
        """Which output channels a label stands for, [K, H, W]."""
        card = self._card
        if card.overlapping:
            return np.stack([np.isin(labels, list(card.regions[name])) for name in card.output_channels])
        return np.stack([labels == value for value in card.channel_values])
