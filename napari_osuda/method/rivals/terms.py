"""Loss terms of rivals: CRUDA's class ratio and the self-training of OSUDA's journal version."""

from __future__ import annotations

from collections import deque

import torch
from torch import Tensor

from napari_osuda.method.losses import Activation
from napari_osuda.method.outputs import probabilities

__all__ = ["PredictionMemory", "class_ratio_loss", "memory_consistency_loss"]

_TINY = 1e-10


def class_ratio_loss(
    output: Tensor, ratio: tuple[float, ...], activation: Activation, tolerance: float = 0.0
) -> Tensor:
    """KL divergence of the predicted class ratio from the one that is known (Bateson et al., MICCAI 2020).

    Parameters
    ----------
    output : Tensor, shape [B, K, ...]
        What the network gives.
    ratio : tuple of K float
        Share of the pixels that each channel has.
    activation : {"softmax", "sigmoid", "none"}
        With independent channels, the sum of K Bernoulli divergences.
    tolerance : float
        A share within ``ratio (1 +- tolerance)`` is taken as it is, and costs nothing.

    Returns
    -------
    Tensor, scalar
        sum_k q_k log(q_k / r_k), q the mean probability over batch and space, in nats.

    Notes
    -----
    The authors' code takes the ratio of each image and weights the classes in its entropy. Here the ratio is
    of the whole batch, which shows the head from bottom to top: a slice need not hold the share that a
    patient has. The entropy is eq. 6, as in every method of this loop.
    """
    p = probabilities(output, activation)
    q = p.transpose(0, 1).flatten(1).mean(dim=1)
    known = torch.tensor(ratio, dtype=q.dtype, device=q.device)
    # The nearest ratio that the tolerance allows: the known one itself without a tolerance.
    nearest = torch.minimum(torch.maximum(q.detach(), known * (1 - tolerance)), known * (1 + tolerance))
    divergence = _kl(q, nearest)
    if activation == "sigmoid" or len(ratio) == 1:
        divergence = divergence + _kl(1 - q, 1 - nearest)
    return divergence


def _kl(q: Tensor, r: Tensor) -> Tensor:
    return (q * ((q + _TINY).log() - (r + _TINY).log())).sum()


class PredictionMemory:
    """The last H predictions of each batch, which a repeated batch is compared with."""

    def __init__(self, history: int) -> None:
        self.history = history
        self.seen: dict[int, deque[Tensor]] = {}

    def recall(self, batch: int) -> list[Tensor]:
        """Earlier probabilities of a batch, [B, K, ...] each."""
        return list(self.seen.get(batch, ()))

    def note(self, batch: int, p: Tensor) -> None:
        """Remember a batch's probabilities, forgetting its oldest beyond H."""
        self.seen.setdefault(batch, deque(maxlen=self.history)).append(p.detach())


def memory_consistency_loss(p: Tensor, earlier: list[Tensor], activation: Activation) -> Tensor:
    """L_MCST of the journal version (Liu et al., Medical Image Analysis 2023).

    Parameters
    ----------
    p : Tensor, shape [B, K, ...]
        Probabilities now.
    earlier : list of Tensor of that shape
        Those of the same batch at earlier iterations.
    activation : {"softmax", "sigmoid", "none"}
        With independent channels ("sigmoid", or a single one), each is a choice between two classes.

    Returns
    -------
    Tensor, scalar
        - mean over pixels of psi log p_yhat: yhat the class of the highest probability, and
        psi = 1 - sigmoid(mean_h sum_k |p_t - p_t-h|) its trust, without gradient; over pixels and channels
        where these are independent. 0 without a history.
    """
    if not earlier:
        return p.new_zeros(())
    if activation == "sigmoid" or p.shape[1] == 1:
        p, *earlier = (torch.stack((q, 1.0 - q), dim=1) for q in (p, *earlier))
    with torch.no_grad():
        change = torch.stack([(p - before).abs().sum(dim=1) for before in earlier]).mean(dim=0)
        psi = 1.0 - torch.sigmoid(change)
    best = p.max(dim=1).values
    return -(psi * (best + _TINY).log()).mean()
