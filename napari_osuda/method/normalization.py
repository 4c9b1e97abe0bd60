"""Eqs. 1 and 3: batch normalization by a mix of the batch's and the source's statistics.

Nothing in the network is replaced. While a :class:`InterceptBatchNorm` is entered, each call of
``torch.nn.functional.batch_norm`` on this thread is carried out by it; outside, the network is the
plain one. So BatchNorm1d/2d/3d, SyncBatchNorm, their subclasses that also activate, and modules listed
under several names are all served alike, and ``eval()`` cannot undo anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from napari_osuda.method.computing.distributed import Share

__all__ = [
    "BatchNormCall",
    "InterceptBatchNorm",
    "batch_statistics",
    "mix",
    "mixed_batch_norm",
    "move_statistics",
]

_HALF = (torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class BatchNormCall:
    """The arguments of one ``F.batch_norm``: x is [B, C, ...], the rest [C] or None."""

    x: Tensor
    running_mean: Tensor | None
    running_var: Tensor | None
    weight: Tensor | None
    bias: Tensor | None
    eps: float

    @property
    def count(self) -> int:
        """Elements a channel: batch times space."""
        return self.x.numel() // self.x.shape[1]


class InterceptBatchNorm(TorchFunctionMode):
    """Hands each batch normalization inside a ``with`` block to ``carry_out``.

    Parameters
    ----------
    carry_out : callable
        From a :class:`BatchNormCall` to its result, or to None to let torch do it as it is.
    """

    def __init__(self, carry_out: Callable[[BatchNormCall], Tensor | None]) -> None:
        super().__init__()
        self._carry_out = carry_out

    def __torch_function__(
        self,
        func: Any,
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Called by torch for each function; only batch normalization is of interest."""
        kwargs = kwargs or {}
        if func is F.batch_norm:
            result = self._carry_out(_call(*args, **kwargs))
            if result is not None:
                return result
        return func(*args, **kwargs)


def _call(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> BatchNormCall:
    # torch hands on what the caller left out, with its own defaults.
    return BatchNormCall(input, running_mean, running_var, weight, bias, eps)


def mix(source: Tensor, batch: Tensor, eta: float) -> Tensor:
    """Eq. 3: (1 - eta) batch + eta source, the current batch with the *fixed* source."""
    # lerp is exact at both ends, so that eta = 1 is the source model to the bit.
    return torch.lerp(batch, source, eta)


def batch_statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of each channel of ``x`` [B, C, ...] over batch and space: two [C].

    float32 for half precisions, else the dtype of ``x``.
    """
    dtype = torch.float32 if x.dtype in _HALF else x.dtype
    if x.device.type in ("cpu", "cuda"):
        # The first half of torch's own batch norm: one pass, several times cheaper than var_mean.
        unused = torch.zeros(x.shape[1], dtype=dtype, device=x.device)
        mean, second = torch.batch_norm_update_stats(x, unused, unused.clone(), 0.0)
        return mean, second
    dims = [d for d in range(x.dim()) if d != 1]
    var, mean = torch.var_mean(x.to(dtype), dim=dims, correction=0)
    return mean, var


class _MixedBatchNorm(torch.autograd.Function):
    """Eq. 1 on the statistics of eq. 3, with the exact gradient in the cost of an ordinary BN.

    With w' = gamma rsqrt(var_t + eps), k = 1 - eta and n elements a channel, the batch statistics
    give dmu_t/dx = k / n and dvar_t/dx = 2 k (x - mu_batch) / n, hence
    gx = w' gy + B x + C, B = -(k / n) w' rsqrt(var_t + eps) g_gamma, C = -(k / n) w' g_beta - B mu_batch.
    Where processes share a batch, n and the g_gamma and g_beta of B and C are those of the whole of it.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        gamma: Tensor,
        beta: Tensor,
        mean_batch: Tensor,
        mean: Tensor,
        var: Tensor,
        moving: float,
        eps: float,
        share: Share | None,
    ) -> Tensor:
        ctx.save_for_backward(x, gamma, mean_batch, mean, var)
        ctx.moving, ctx.eps, ctx.share = moving, eps, share
        return F.batch_norm(x, mean, var, gamma, beta, False, 0.0, eps)

    @staticmethod
    def backward(ctx: Any, gy: Tensor) -> tuple[Tensor | None, ...]:
        x, gamma, mean_batch, mean, var = ctx.saved_tensors
        gx, g_gamma, g_beta = torch.ops.aten.native_batch_norm_backward(
            gy.contiguous(memory_format=_format(x)), x, gamma, mean, var, None, None, False, ctx.eps,
            [ctx.needs_input_grad[0], True, True],
        )  # fmt: skip
        if ctx.needs_input_grad[0] and ctx.moving > 0.0:
            own, all_gamma, all_beta = 1.0, g_gamma, g_beta
            if ctx.share is not None:
                own = ctx.share.own
                all_gamma, all_beta = ctx.share.processes.total(torch.stack((g_gamma, g_beta)))
            inverse = torch.rsqrt(var + ctx.eps)
            factor = -(ctx.moving * own * x.shape[1] / x.numel()) * gamma * inverse
            slope = factor * inverse * all_gamma
            offset = factor * all_beta - slope * mean_batch
            if x.dtype in _HALF:
                # slope x + offset, rounded once, by a kernel that is faster than broadcasting halves.
                nothing, one = torch.zeros_like(slope), torch.ones_like(slope)
                gx = gx.add_(torch.batch_norm(x, slope, offset, nothing, one, False, 0.0, 0.0, False))
            else:
                shape = (1, -1, *(1,) * (x.dim() - 2))
                gx = gx.addcmul_(x, slope.view(shape).to(x.dtype)).add_(offset.view(shape).to(x.dtype))
        return gx, g_gamma, g_beta, None, None, None, None, None, None


def _format(x: Tensor) -> torch.memory_format:
    if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last):
        return torch.channels_last
    if x.dim() == 5 and x.is_contiguous(memory_format=torch.channels_last_3d):
        return torch.channels_last_3d
    return torch.contiguous_format


def mixed_batch_norm(
    call: BatchNormCall, eta: float, detach: bool = False, share: Share | None = None
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Normalize by the statistics of eq. 3.

    Parameters
    ----------
    call : BatchNormCall
        x [B, C, ...] and the layer's stored mu_K, var_K, gamma, beta.
    eta : float
        Share of the source.
    detach : bool
        Stop the gradient at the batch statistics.
    share : Share, optional
        Of the batch, where x is a part of it: its statistics and their gradient are then the whole batch's.

    Returns
    -------
    Tensor, shape of x
        y of eq. 1, differentiable in x, gamma and beta.
    tuple of two Tensor, shape [C]
        Mean and biased variance of the batch.
    """
    assert call.running_mean is not None
    assert call.running_var is not None
    with torch.no_grad():
        mean_batch, var_batch = batch_statistics(call.x)
        if share is not None:
            mean_batch, var_batch = share.statistics(mean_batch, var_batch)
        mean = mix(call.running_mean, mean_batch, eta)
        var = mix(call.running_var, var_batch, eta)
        gamma = torch.ones_like(mean) if call.weight is None else call.weight
        beta = torch.zeros_like(mean) if call.bias is None else call.bias
    moving = 0.0 if detach else 1.0 - eta
    y: Tensor = _MixedBatchNorm.apply(  # type: ignore[no-untyped-call]
        call.x, gamma, beta, mean_batch, mean, var, moving, call.eps, share
    )
    return y, (mean_batch, var_batch)


@torch.no_grad()
def move_statistics(call: BatchNormCall, mean: Tensor, var: Tensor, share: float) -> None:
    """Let a layer's stored statistics follow the batch's, in place, keeping ``share`` of what they were."""
    assert call.running_mean is not None
    assert call.running_var is not None
    call.running_mean.copy_(mix(call.running_mean, mean, share))
    call.running_var.copy_(mix(call.running_var, var, share))
