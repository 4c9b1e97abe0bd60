"""Averaging a network's output for an image with that for its mirror image.

Heads are nearly symmetric, and most networks were trained on mirrored images as well: what is marked on both
images is right more often (the commonest test-time augmentation: Wang et al., Neurocomputing 338, 2019).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_osuda.imaging import SliceStack
from napari_osuda.imaging.planes import mirror_axis
from napari_osuda.method.computing.arithmetic import output_of
from napari_osuda.method.outputs import at_least_single
from napari_osuda.models import ModelCard
from napari_osuda.session.inference.outputs import Way

__all__ = ["MirrorAveraged", "averaged", "is_symmetric", "mean_of", "mirrors", "way_of"]

# Correlation of an image with its mirror image above which it is symmetric.
_SYMMETRIC = 0.5
# Slices of a case that are compared with their mirror images.
_COMPARED = 24


def is_symmetric(image: NDArray[np.float32], axis: int) -> bool:
    """Whether images [B, C, ...] are like their mirror images along a space axis, whatever they show."""
    centered = image - image.mean()
    power = float(np.square(centered, dtype=np.float64).sum())
    mirrored = np.flip(centered, axis + 2)
    return power > 0 and float((centered * mirrored).sum(dtype=np.float64)) > _SYMMETRIC * power


def mirrors(stacks: Iterable[SliceStack], card: ModelCard) -> bool:
    """Whether the predictions of all cases can be averaged with those of their mirror images."""
    axis = mirror_axis(card.plane, card.orientation)
    if axis is None:
        return False
    for stack in stacks:
        slices = np.flatnonzero(stack.foreground)
        chosen = slices[:: -(-len(slices) // _COMPARED)] if len(slices) else slices
        if not len(chosen) or not is_symmetric(stack.slices(chosen), axis):
            return False
    return True


class MirrorAveraged(nn.Module):
    """A network whose output is the mean of those for an image and for its mirror image.

    Parameters
    ----------
    network : nn.Module
        Its first output counts.
    axis : int
        The left-right axis among the space axes.
    """

    def __init__(self, network: nn.Module, axis: int) -> None:
        super().__init__()
        self.network, self._axis = network, axis + 2
        self.train(network.training)

    def forward(self, x: Tensor) -> Tensor:
        """The mean output [B, K, ...] for images [B, C, ...]; of logits, the geometric mean of chances."""
        straight = output_of(self.network, x)
        mirrored: Tensor = output_of(self.network, torch.flip(x, (self._axis,)))
        return mean_of(straight, torch.flip(mirrored, (self._axis,)))


def mean_of(straight: Tensor, mirrored: Tensor) -> Tensor:
    """The mean of two outputs; of half precisions in float32."""
    return (at_least_single(straight) + at_least_single(mirrored)) / 2


def way_of(card: ModelCard) -> Way:
    """How a card wants its network to predict."""
    both = card.mirror_averaging and mirror_axis(card.plane, card.orientation) is not None
    return "averaged" if both else "straight"


def averaged(network: nn.Module, card: ModelCard) -> nn.Module:
    """The network as its card wants it to predict: averaged over both sides, or as it is."""
    axis = mirror_axis(card.plane, card.orientation) if card.mirror_averaging else None
    return network if axis is None else MirrorAveraged(network, axis)
