"""An upper bound: the source architecture, trained with labels of the target.

No method of a paper. The network starts at the source model, as every comparator here does, and learns
labeled images of the target's kind from patients that it is not judged on, with the same loss, number of
iterations and batch. Cross-entropy and Dice; Adam at 1e-3; images are varied as the source models' are.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from napari_osuda.benchmark.comparators.loop import Batch, Comparator
from napari_osuda.benchmark.comparators.losses import segmentation
from napari_osuda.benchmark.comparators.settings import Setting
from napari_osuda.benchmark.real.augmentation import Variation, vary

__all__ = ["UpperBound"]


class UpperBound(Comparator):
    """See the module. What the loop calls the source are labeled images of the target.

    Parameters
    ----------
    source : nn.Module
        Where it starts.
    setting : Setting
    """

    def __init__(self, source: nn.Module, setting: Setting) -> None:
        super().__init__(setting)
        self.networks["segmenter"] = copy.deepcopy(source)
        self.optimizers["segmenter"] = torch.optim.Adam(self.networks["segmenter"].parameters(), lr=1e-3)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Train on a batch."""
        images, classes = vary(batch.source.cpu(), batch.classes.cpu(), Variation(), batch.noise)
        with self.arithmetic():
            logits = self.networks["segmenter"](images.to(self.device)).float()
        loss = segmentation(logits, classes.to(self.device))
        self.descend("segmenter", loss)
        return {"segmenter": loss}

    def segmenter(self) -> nn.Module:
        """The network."""
        return copy.deepcopy(self.networks["segmenter"]).eval()
