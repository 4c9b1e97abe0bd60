"""MuVi: learn one mask from a patch and from views of it whose axes are exchanged.

Joshi et al., Single Image Test-Time Adaptation via Multi-View Co-Training, MICCAI 2025. The source labels
each patch once, where it is sure. Then every step lowers L_sl + L_consistency + L_cosine, with the source's
statistics. Published for volumes of two classes; the views of slices and the labels of more classes are ours.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_osuda.errors import ModelError
from napari_osuda.method.losses import Activation, pixel_entropy
from napari_osuda.method.outputs import main_output, probabilities
from napari_osuda.method.rivals.alignment import consistency_loss
from napari_osuda.method.rivals.views import Map, of_all_views, other_views, unlike_axes

__all__ = ["CLIP", "MultiView", "confident_label", "dice_and_cross_entropy"]

# As published: largest norm of a step's gradient; the entropy of two classes, in nats, below which each view
# labels a pixel.
CLIP = 12.0
_THRESHOLDS = (0.4, 0.2, 0.2)
_SMOOTH = 1e-5


def _exclusive(output: Tensor, activation: Activation) -> bool:
    return activation != "sigmoid" and output.shape[1] > 1


def _decided(output: Tensor, activation: Activation) -> Tensor:
    """Which classes a pixel has by its output: bool [B, K, ...]."""
    if not _exclusive(output, activation):
        return probabilities(output, activation) > 0.5
    return F.one_hot(output.argmax(dim=1), output.shape[1]).movedim(-1, 1).bool()


def confident_label(outputs: Sequence[Tensor], activation: Activation) -> Tensor:
    """The label y: what any view is sure is foreground (the union over views of H < tau).

    Parameters
    ----------
    outputs : sequence of three Tensor [B, K, ...]
        Of the patch and its views, in the patch's order of axes.
    activation : {"softmax", "sigmoid", "none"}

    Returns
    -------
    Tensor of bool, shape [B, K, ...]
        The rest is background, channel 0. Of several classes, that of the surest view counts; tau is 0.4, 0.2
        and 0.2 nats of two classes, and the same shares of log K of more.
    """
    first = outputs[0]
    label = torch.zeros(first.shape, dtype=torch.bool, device=first.device)
    if not _exclusive(first, activation):
        for output, tau in zip(outputs, _THRESHOLDS, strict=True):
            label |= _decided(output, activation) & (pixel_entropy(output, activation).view_as(output) < tau)
        return label
    label[:, 0] = True
    least = torch.full_like(first[:, 0], math.inf, dtype=torch.float32)
    for output, tau in zip(outputs, _THRESHOLDS, strict=True):
        entropy, decided = pixel_entropy(output, activation), _decided(output, activation)
        sure = ~decided[:, 0] & (entropy < tau * math.log(output.shape[1], 2)) & (entropy < least)
        label = torch.where(sure[:, None], decided, label)
        least = torch.where(sure, entropy, least)
    return label


def dice_and_cross_entropy(output: Tensor, label: Tensor, activation: Activation) -> Tensor:
    """L_DICE + L_CE of an output [B, K, ...] with a label of that shape; Dice of the foreground, soft."""
    p, y = probabilities(output, activation), label.to(torch.float32)
    dims = [d for d in range(p.dim()) if d != 1]
    dice = (2.0 * (p * y).sum(dims) + _SMOOTH) / ((p + y).sum(dims) + _SMOOTH)
    return consistency_loss(output, y, activation) + 1.0 - dice[int(_exclusive(p, activation)) :].mean()


class MultiView:
    """What the loop learns: the source's labels, and that all views agree in masks and in features.

    Parameters
    ----------
    network : nn.Module
        The source network, in eval mode; copied.
    activation : {"softmax", "sigmoid", "none"}
    """

    def __init__(self, network: nn.Module, activation: Activation) -> None:
        self._source, self._activation = copy.deepcopy(network), activation
        self._labels: dict[int, Tensor] = {}
        self._deepest: Tensor | None = None

    def note_layer(self, y: Tensor) -> None:
        """Keep a BN layer's output [B, C, ...] if it is the deepest: coarsest in space, last of several."""
        if y.dim() > 3 and (self._deepest is None or y[0, 0].numel() <= self._deepest[0, 0].numel()):
            # An activation may go on to work in place.
            self._deepest = y.clone()

    def forget(self) -> None:
        """From now on the batches are others."""
        self._labels.clear()

    def loss(self, output: Tensor, index: int, batch: Tensor, predict: Map) -> Tensor:
        """L_sl + L_consistency + L_cosine of one batch, all weights 1, as published.

        Parameters
        ----------
        output : Tensor, shape [B, K, ...]
            Just predicted for the batch as it is.
        index : int
            Number of the batch in its round.
        batch, predict
            The batch [B, C, ...], and what gives its output, with gradient.

        Returns
        -------
        Tensor, scalar
            Dice and cross-entropy of each view with the label (L_sl), of the other views with the mask of the
            batch as it is (L_consistency), and 1 - cos of their deepest features with its (L_cosine).
        """
        if index not in self._labels:
            with torch.no_grad():
                seen = of_all_views(lambda x: main_output(self._source(x)), batch)
                self._labels[index] = confident_label(seen, self._activation)
        label, decided = self._labels[index], _decided(output.detach(), self._activation)
        features = self._taken().float()
        total = dice_and_cross_entropy(output, label, self._activation)
        for turn, undo in other_views(batch.dim()):
            seen_there = undo(predict(turn(batch)))
            for target in (label, decided):
                total = total + dice_and_cross_entropy(seen_there, target, self._activation)
            there = undo(self._taken())
            if there.shape != features.shape:
                raise unlike_axes()
            total = total + 1.0 - F.cosine_similarity(features.flatten(1), there.flatten(1).float()).mean()
        return total

    def _taken(self) -> Tensor:
        deepest, self._deepest = self._deepest, None
        if deepest is None:
            raise ModelError(
                "MuVi compares the features of an image, and no BN layer of this network has any."
            )
        return deepest
