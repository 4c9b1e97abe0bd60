"""Eq. 4, the high-order statistics consistency, and eq. 6, the self-entropy."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Activation", "hbs_loss", "hbs_step", "pixel_entropy", "self_entropy"]


Activation = Literal["softmax", "sigmoid", "none"]


def hbs_loss(
    gamma: Tensor, beta: Tensor, source_gamma: Tensor, source_beta: Tensor, weight: Tensor
) -> Tensor:
    """Eq. 4: ``L_HBS = sum_lc (1 + alpha_lc) (|gamma_K - gamma_t| + |beta_K - beta_t|)``.

    Parameters
    ----------
    gamma, beta : Tensor, shape [N]
        Scales and shifts of the network being adapted.
    source_gamma, source_beta : Tensor, shape [N]
        Those of the source network.
    weight : Tensor, shape [N]
        1 + alpha, without gradient.

    Returns
    -------
    Tensor, scalar
        The literal sum. Its gradient is 0 at the source: it holds gamma and beta, it does not drive them.

    Examples
    --------
    >>> one, two = torch.ones(3), torch.full((3,), 2.0)
    >>> hbs_loss(one, one, one, one, weight=two), hbs_loss(two, one, one, one, weight=two)
    (tensor(0.), tensor(6.))
    """
    return (weight * ((source_gamma - gamma).abs() + (source_beta - beta).abs())).sum()


@torch.no_grad()
def hbs_step(value: Tensor, source: Tensor, weight: Tensor, learning_rate: float) -> None:
    """Proximal step of eq. 4, in place: shrink ``value - source`` towards 0 by ``learning_rate * weight``.

    A subgradient step of a sum of absolute values makes gamma and beta chatter by the step size around
    the source; the soft threshold lets them rest there (Parikh & Boyd, Proximal Algorithms, 2014, 6.5.2).
    """
    shift = value - source
    shrunk = (shift.abs() - learning_rate * weight).clamp_min(0.0)
    value.copy_(source + shift.sign() * shrunk)


def self_entropy(output: Tensor, activation: Activation) -> Tensor:
    """Eq. 6 with its sign set right: the mean over pixels of - sum_k p_k log p_k, in nats.

    The paper prints the sum without the minus sign; minimized as printed, entropy would grow.

    Parameters
    ----------
    output : Tensor, shape [B, K, ...]
        What the network gives: logits, or probabilities where ``activation`` is "none".
    activation : {"softmax", "sigmoid", "none"}
        What turns the output into probabilities. For "sigmoid" the Bernoulli entropy
        - p log p - (1 - p) log (1 - p), mean over channels; "none" takes one channel as Bernoulli.

    Returns
    -------
    Tensor, scalar float32

    Examples
    --------
    The most that two classes can have is log 2.

    >>> self_entropy(torch.zeros(1, 2, 4, 4), "softmax")
    tensor(0.6931)
    """
    return pixel_entropy(output, activation).mean()


def pixel_entropy(output: Tensor, activation: Activation) -> Tensor:
    """The entropy of eq. 6 before its mean, in nats, float32.

    Returns
    -------
    Tensor
        [B, ...] where the channels exclude each other, [B, K, ...] where each is a choice of its own.
    """
    if output.dtype in (torch.bfloat16, torch.float16):
        output = output.float()
    if activation == "sigmoid":
        p = torch.sigmoid(output)
        # -log p = softplus(-z) and -log(1 - p) = softplus(z), finite for any logit z.
        return p * F.softplus(-output) + (1.0 - p) * F.softplus(output)
    if activation == "softmax":
        log_p = F.log_softmax(output, dim=1)
        return -(log_p.exp() * log_p).sum(dim=1)
    p = output.clamp(torch.finfo(output.dtype).tiny, 1.0)
    if output.shape[1] == 1:
        q = (1.0 - output).clamp(torch.finfo(output.dtype).tiny, 1.0)
        return -(p * p.log() + q * q.log())
    return -(p * p.log()).sum(dim=1)
