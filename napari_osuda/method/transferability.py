"""Eq. 5 and the weights drawn from it: how far each channel's statistics are from the source's."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

__all__ = ["WEIGHTINGS", "distance", "transferability"]


def distance(
    source_mean: Tensor, source_var: Tensor, target_mean: Tensor, target_var: Tensor, eps: Tensor
) -> Tensor:
    """Eq. 5: ``d_lc = | mu_K / sqrt(var_K + eps) - mu_t / sqrt(var_t + eps) |``.

    Parameters
    ----------
    source_mean, source_var : Tensor, shape [N]
        mu_K and var_K of all layers' channels, one after the other.
    target_mean, target_var : Tensor, shape [N]
        mu_t and var_t, the mixed statistics of eq. 3.
    eps : Tensor, shape [N]
        Each channel's layer's own eps.

    Returns
    -------
    Tensor, shape [N]
        Without gradient: otherwise the network could lower its loss by changing its distances.

    Examples
    --------
    >>> distance(*torch.tensor([[1.0, 1.0], [4.0, 4.0], [1.0, 3.0], [4.0, 4.0], [0.0, 0.0]]))
    tensor([0., 1.])
    """
    with torch.no_grad():
        source = source_mean * torch.rsqrt(source_var + eps)
        target = target_mean * torch.rsqrt(target_var + eps)
        return (source - target).abs()


def transferability(d: Tensor) -> Tensor:
    """alpha_lc = N (1 + d_lc)^-1 / sum (1 + d_lc)^-1 over all layers' channels together (mean 1).

    Parameters
    ----------
    d : Tensor, shape [N]
        Distances of eq. 5.

    Returns
    -------
    Tensor, shape [N]
        Weights, near 1 where a channel carries over, near 0 where it does not.

    Examples
    --------
    >>> transferability(torch.tensor([0.0, 1.0, 3.0, 3.0]))
    tensor([2.0000, 1.0000, 0.5000, 0.5000])
    """
    closeness = (1.0 + d).reciprocal()
    return d.numel() * closeness / closeness.sum()


WEIGHTINGS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "transferability": transferability,
    "uniform": torch.ones_like,
    "none": torch.zeros_like,
}
"""From distances to alpha, by the setting ``channel_weighting``."""
