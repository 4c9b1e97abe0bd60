"""How far a batch is from the statistics that the source network stored, differentiable in the batch.

Each layer is left to normalize by its own statistics, as the source model does, so what is far off in one
stays far off in the next. The network is frozen: what can move is what is put before it.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_osuda.method.layers import BoundLayer
from napari_osuda.method.normalization import BatchNormCall, InterceptBatchNorm, batch_statistics

__all__ = ["layer_mismatch"]


class _Reached(Exception):
    """Ends a forward pass at the last layer that is wanted."""


class _WatchedBatchNorm(torch.autograd.Function):
    """Eq. 1 on the stored statistics, giving the batch's own along, for about the cost of an ordinary BN.

    With w' = gamma rsqrt(var_K + eps) and n elements a channel, dmu/dx = 1 / n and
    dvar/dx = 2 (x - mu) / n, hence gx = w' gy + B x + C, B = 2 g_var / n, C = g_mu / n - B mu.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        mean_k: Tensor,
        var_k: Tensor,
        gamma: Tensor | None,
        beta: Tensor | None,
        eps: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        mean, var = batch_statistics(x)
        scale = torch.rsqrt(var_k + eps)
        ctx.save_for_backward(x, mean, scale if gamma is None else scale * gamma)
        return F.batch_norm(x, mean_k, var_k, gamma, beta, False, 0.0, eps), mean, var

    @staticmethod
    def backward(ctx: Any, gy: Tensor, g_mean: Tensor, g_var: Tensor) -> tuple[Tensor | None, ...]:
        x, mean, scale = ctx.saved_tensors
        count = x.numel() // x.shape[1]
        slope = 2.0 * g_var / count
        offset = g_mean / count - slope * mean
        shape = (1, -1, *(1,) * (x.dim() - 2))
        scale, slope, offset = (v.view(shape).to(x.dtype) for v in (scale, slope, offset))
        return torch.addcmul(offset, gy, scale).addcmul_(x, slope), None, None, None, None, None


def layer_mismatch(network: nn.Module, layers: tuple[BoundLayer, ...], x: Tensor) -> tuple[Tensor, ...]:
    """The mismatch of each channel of each layer, as the source model sees a batch.

    A channel's is |mu - mu_K| / sigma_K + |log(sigma / sigma_K)|, where mu and sigma^2 are the mean and the
    biased variance of the layer's input, mu_K and sigma_K^2 those that it stored, both variances with the
    layer's eps. 0 where the batch is the source, whatever the scale of the channel.

    Parameters
    ----------
    network : nn.Module
        In eval mode; not changed.
    layers : tuple of BoundLayer
        Those wanted, in the order of execution: the pass ends after the last of them.
    x : Tensor, shape [B, C, H, W] or [B, C, D, H, W]
        On the network's device; the result is differentiable in it.

    Returns
    -------
    tuple of Tensor, each of shape [C_l]
        One for each layer; of a layer that runs several times, the mean over its executions.
    """
    order = {id(layer.running_mean): n for n, layer in enumerate(layers)}
    found: list[list[Tensor]] = [[] for _ in layers]
    left = sum(layer.executions for layer in layers)

    def watch(call: BatchNormCall) -> Tensor | None:
        nonlocal left
        index = order.get(id(call.running_mean))
        if index is None or call.running_mean is None or call.running_var is None:
            return None
        y, mean, var = _WatchedBatchNorm.apply(  # type: ignore[no-untyped-call]
            call.x, call.running_mean, call.running_var, call.weight, call.bias, call.eps
        )
        stored = call.running_var + call.eps
        found[index].append(
            (mean - call.running_mean).abs() * torch.rsqrt(stored)
            + 0.5 * ((var + call.eps) / stored).log().abs()
        )
        left -= 1
        if left == 0:
            raise _Reached
        return y  # type: ignore[no-any-return]

    try:
        with InterceptBatchNorm(watch):
            network(x)
    except _Reached:
        pass
    return tuple(torch.stack(parts).mean(0) for parts in found)
