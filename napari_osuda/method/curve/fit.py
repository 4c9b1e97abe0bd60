"""Fitting an intensity curve to one case: no label, no source data, a few parameters, the network frozen.

The source network stored the mean and the variance of each BN layer's input. An image of another contrast
or another scanner does not meet them; the curve is moved until the image does, as far as a curve can do it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from napari_osuda.method.curve.beginnings import head_moments
from napari_osuda.method.curve.curve import ChannelCurve, IntensityCurve, locate
from napari_osuda.method.curve.mismatch import layer_mismatch
from napari_osuda.method.layers import bind_layers
from napari_osuda.method.values import check_setting

__all__ = ["CurveConfig", "CurveStep", "fit_curve"]


@dataclass(frozen=True)
class CurveConfig:
    """Settings of a fit.

    Parameters
    ----------
    steps : int
        Adam's.
    learning_rate : float
        In standard deviations of the head.
    smoothness : float
        Weight of the squared second differences, from knot to knot, of how far the curve has moved from its
        beginning, in standard deviations of the head.
    pull : float
        Weight of the mean squared deviation from the beginning: what a curve must gain to leave it.
    depth : float
        Share of the BN layers that count, from the first on.

    Raises
    ------
    ConfigError
        A value is out of its range.
    """

    steps: int = 24
    learning_rate: float = 0.08
    smoothness: float = 0.02
    pull: float = 0.0
    depth: float = 1.0

    def __post_init__(self) -> None:
        for holds, name, rule in (
            (self.steps >= 0, "steps", "0 or more"),
            (self.learning_rate > 0, "learning_rate", "above 0"),
            (self.smoothness >= 0, "smoothness", "0 or more"),
            (self.pull >= 0, "pull", "0 or more"),
            (0 < self.depth <= 1, "depth", "above 0 and at most 1"),
        ):
            check_setting(holds, f"{name} of the curve", getattr(self, name), rule)


@dataclass(frozen=True)
class CurveStep:
    """What one step of a fit found, measured before its update.

    Attributes
    ----------
    t : int
        From 0, the beginning, to ``steps``, the end.
    loss, mismatch : float
        With and without smoothness and pull. The mismatch is the mean over layers and their channels of
        |mu - mu_K| / sigma_K + |log(sigma / sigma_K)| of one batch.
    curve : IntensityCurve
        As it was when they were measured.
    seconds : float
        Wall time of the step.
    """

    t: int
    loss: float
    mismatch: float
    curve: IntensityCurve
    seconds: float


def fit_curve(
    network: nn.Module,
    batches: Sequence[Tensor],
    heads: Sequence[Tensor],
    beginning: IntensityCurve,
    config: CurveConfig | None = None,
) -> Iterator[CurveStep]:
    """Fit a curve for each channel; the caller drives it, and what it has reached is in each step.

    Parameters
    ----------
    network : nn.Module
        In eval mode, with BN statistics of its source; not changed.
    batches : sequence of Tensor
        The case, normalized as the network wants it: float [B, C, H, W] or [B, C, D, H, W].
    heads : sequence of Tensor
        Which voxels are head, bool [B, H, W] or [B, D, H, W], one for each batch.
    beginning : IntensityCurve
        Where it begins and what it is pulled to (see `begin_curve`); its knots stay where they are.
    config : CurveConfig, optional

    Yields
    ------
    CurveStep
        ``steps`` + 1 of them, the first of the beginning.

    Raises
    ------
    CaseError
        No voxel is head.
    NotAdaptableError
        The network has no BN statistics of the source.
    """
    config = config or CurveConfig()
    channels = [_Channel(batches, heads, c, curve) for c, curve in enumerate(beginning.channels)]
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    bound = bind_layers(network, batches[0][:1].to(device))
    bound = bound[: max(1, round(config.depth * len(bound)))]
    moved = [channel.moved for channel in channels]
    optimizer = torch.optim.Adam(moved, lr=config.learning_rate)
    for t in range(config.steps + 1):
        began = time.perf_counter()
        b = t % len(batches)
        with torch.enable_grad():
            x = batches[b].clone()
            for c, channel in enumerate(channels):
                x[:, c] = channel.put_on(batches[b][:, c], heads[b], b)
            mismatch = torch.stack([d.mean() for d in layer_mismatch(network, bound, x.to(device))]).mean()
            loss = mismatch.cpu() + sum(channel.price(config) for channel in channels)
        # Before it moves on: the loss is this one's.
        curve = IntensityCurve(tuple(channel.curve() for channel in channels))
        if t < config.steps:
            for parameter, gradient in zip(moved, torch.autograd.grad(loss, moved), strict=True):
                parameter.grad = gradient
            optimizer.step()
        yield CurveStep(t, loss.item(), mismatch.item(), curve, time.perf_counter() - began)


class _Channel:
    """One channel's curve under way: the head's intensities among its knots, and how far these have moved."""

    def __init__(
        self, batches: Sequence[Tensor], heads: Sequence[Tensor], channel: int, curve: ChannelCurve
    ) -> None:
        _, self._deviation = head_moments(batches, heads, channel)
        self._x, self._begin = torch.tensor(curve.x), torch.tensor(curve.y)
        # In standard deviations of the head, so that a step is as long whatever the normalization.
        self.moved = torch.zeros(len(curve.x), requires_grad=True)
        self._located = [
            locate(x[:, channel][h].float(), self._x.to(x.device))
            for x, h in zip(batches, heads, strict=True)
        ]

    def put_on(self, plane: Tensor, head: Tensor, batch: int) -> Tensor:
        """The channel of a batch, [B, ...], with the curve on the head; differentiable in what moved."""
        y = (self._begin + self._deviation * self.moved).to(plane.device)
        before, share = self._located[batch]
        out = plane.clone()
        out[head] = torch.lerp(y[before], y[before + 1], share.to(y.dtype)).to(plane.dtype)
        return out

    def price(self, config: CurveConfig) -> Tensor:
        """What is bent and what moves has its price."""
        bent = self.moved.diff(n=2).square().sum()
        return config.smoothness * bent + config.pull * self.moved.square().mean()

    def curve(self) -> ChannelCurve:
        y = self._begin + self._deviation * self.moved.detach()
        return ChannelCurve(tuple(self._x.tolist()), tuple(y.tolist()))
