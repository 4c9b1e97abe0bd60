"""SAR: entropy over reliable pixels alone, a flat minimum of it, and recovery from a collapse.

Niu et al., Towards Stable Test-Time Adaptation in Dynamic Wild World, ICLR 2023. Published for the classes of
whole images; here each pixel is a sample, as in the entropy of eq. 6.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

__all__ = ["Recovery", "reliable", "sharpness_aware_gradient"]

_TINY = 1e-12
# Share of the old value in the moving average of the loss.
_KEPT = 0.9


def reliable(entropy: Tensor, margin: float, classes: int) -> Tensor:
    """Eq. 2 of SAR: which samples are sure enough to learn from.

    Parameters
    ----------
    entropy : Tensor, shape [B, ...]
        Of each pixel, in nats.
    margin : float
        E_0 as a share of the largest entropy, log K; 0.4 in the paper.
    classes : int
        K; 2 for independent channels.

    Returns
    -------
    Tensor of bool, shape of ``entropy``
        Entropy below ``margin * log K``.
    """
    return entropy.detach() < margin * math.log(max(classes, 2))


def sharpness_aware_gradient(
    parameters: Sequence[nn.Parameter], radius: float, loss: Callable[[], Tensor]
) -> Tensor:
    """Eqs. 3 to 6 of SAR (Foret et al., ICLR 2021): the gradient where the loss is largest near by.

    Parameters
    ----------
    parameters : sequence of nn.Parameter
        With the loss's gradient at the present weights, which is replaced.
    radius : float
        rho: how far away the largest loss is looked for, along the gradient; 0.05 in the paper.
    loss : callable
        The loss at the weights as they then are.

    Returns
    -------
    Tensor, scalar
        The loss there. The parameters are as they were, their ``grad`` is the one from there.
    """
    moved = [p for p in parameters if p.grad is not None]
    gradients = [p.grad.clone() for p in moved if p.grad is not None]
    length = sum(float(g.square().sum()) for g in gradients) ** 0.5
    before = [p.detach().clone() for p in moved]
    try:
        with torch.no_grad():
            for p, g in zip(moved, gradients, strict=True):
                p.add_(g, alpha=radius / (length + _TINY))
                p.grad = None
        there = loss()
        if there.requires_grad:
            there.backward()  # type: ignore[no-untyped-call]
    finally:
        with torch.no_grad():
            for p, old in zip(moved, before, strict=True):
                p.copy_(old)
    return there.detach()


class Recovery:
    """SAR's model recovery: back to the source where the averaged loss says that one class has won.

    Parameters
    ----------
    parameters : sequence of nn.Parameter
        The trained ones, as the source has them.
    threshold : float
        A share of log K. The paper's 0.2 nats of 1000 classes are 0.029 of it.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], threshold: float) -> None:
        self._parameters = parameters
        self._source = [p.detach().clone() for p in parameters]
        self._threshold = threshold
        self.average: float | None = None

    @torch.no_grad()
    def saw(self, loss: float, classes: int) -> bool:
        """Take note of a step's loss in nats, of K classes; whether the weights are the source's again."""
        self.average = loss if self.average is None else _KEPT * self.average + (1 - _KEPT) * loss
        if self.average >= self._threshold * math.log(classes):
            return False
        for p, source in zip(self._parameters, self._source, strict=True):
            p.copy_(source)
        self.average = None
        return True
