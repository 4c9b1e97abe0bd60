"""The curve near a beginning on whose image the frozen source network is surest of what it marks.

Statistics bring an image near; they do not tell a good curve from the next (on real MRI the mismatch of BN
statistics is hardly related to Dice once the contrast is about right). What is: the share of its foreground
that the *source* network holds for sure. The network is not trained, so it cannot become sure by forgetting.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from napari_osuda.method.curve.beginnings import head_moments
from napari_osuda.method.curve.curve import ChannelCurve, IntensityCurve
from napari_osuda.method.losses import Activation
from napari_osuda.method.outputs import main_output, probabilities
from napari_osuda.method.values import check_setting

__all__ = ["CurveTrial", "SearchConfig", "foreground_confidence", "search_curve"]

# Of a kernel that smooths from knot to knot.
_SMOOTH = (0.25, 0.5, 0.25)


@dataclass(frozen=True)
class SearchConfig:
    """Settings of a search.

    Parameters
    ----------
    trials : int
        Curves that are tried after the beginning.
    reach, least_reach : float
        How far the first and the last of them go from the best before them, in standard deviations of the
        head; linear between.
    most_change : float
        A curve whose foreground is more than so many times larger or smaller than the beginning's is not
        taken: being sure of next to nothing is no gain.
    seed : int
        Of the trials.

    Raises
    ------
    ConfigError
        A value is out of its range.
    """

    trials: int = 16
    reach: float = 0.75
    least_reach: float = 0.15
    most_change: float = 2.0
    seed: int = 0

    def __post_init__(self) -> None:
        for holds, name, rule in (
            (self.trials >= 0, "trials", "0 or more"),
            (self.reach > 0, "reach", "above 0"),
            (0 < self.least_reach <= self.reach, "least_reach", "above 0 and at most reach"),
            (self.most_change >= 1, "most_change", "1 or more"),
            (self.seed >= 0, "seed", "0 or more"),
        ):
            check_setting(holds, f"{name} of the curve's search", getattr(self, name), rule)


@dataclass(frozen=True)
class CurveTrial:
    """What one curve of a search gave.

    Attributes
    ----------
    t : int
        0 is the beginning.
    confidence : float
        See `foreground_confidence`.
    foreground : float
        Its sum of foreground probabilities: how much is marked, in voxels.
    curve : IntensityCurve
        The one that was tried.
    taken : bool
        Whether it is the best so far; the last one taken is the result.
    seconds : float
        Wall time.
    """

    t: int
    confidence: float
    foreground: float
    curve: IntensityCurve
    taken: bool
    seconds: float


def foreground_confidence(p: Tensor) -> tuple[float, float]:
    """How sure a network is of its foreground: sum p^2 / sum p, the expected share of it that is foreground.

    Parameters
    ----------
    p : Tensor, shape [B, K, ...]
        Probabilities of the foreground's channels alone.

    Returns
    -------
    tuple of float
        The confidence, 0 to 1 (0 where nothing is marked), and sum p.
    """
    p = p.double()
    marked = float(p.sum())
    return (float(p.square().sum()) / marked if marked > 0.0 else 0.0), marked


def search_curve(
    network: nn.Module,
    batches: Sequence[Tensor],
    heads: Sequence[Tensor],
    beginning: IntensityCurve,
    config: SearchConfig | None = None,
    *,
    activation: Activation = "softmax",
    foreground: Sequence[int] | None = None,
) -> Iterator[CurveTrial]:
    """Try smooth changes of a curve, each of the best so far, and take those that make the source surer.

    Parameters
    ----------
    network : nn.Module
        In eval mode; not changed, and run forward only.
    batches : sequence of Tensor
        Some of the case, normalized as the network wants it: float [B, C, H, W] or [B, C, D, H, W].
    heads : sequence of Tensor
        Which voxels are head, bool [B, H, W] or [B, D, H, W], one for each batch.
    beginning : IntensityCurve
    config : SearchConfig, optional
    activation : {"softmax", "sigmoid", "none"}
    foreground : sequence of int, optional
        The output's channels that are not background; all but the first, or the only one, without it.

    Yields
    ------
    CurveTrial
        ``trials`` + 1 of them.

    Raises
    ------
    CaseError
        No voxel is head.
    """
    config = config or SearchConfig()
    deviations = [head_moments(batches, heads, c)[1] for c in range(len(beginning.channels))]
    random = np.random.default_rng(config.seed)
    best, confidence, first = beginning, -1.0, 0.0
    for t in range(config.trials + 1):
        began = time.perf_counter()
        share = (t - 1) / max(1, config.trials - 1)
        reach = config.reach + share * (config.least_reach - config.reach)
        curve = best if t == 0 else _changed(best, deviations, reach, random)
        found, marked = _tried(network, batches, heads, curve, activation, foreground)
        if t == 0:
            first = marked
        taken = t == 0 or (
            found > confidence
            and first <= config.most_change * marked
            and marked <= config.most_change * first
        )
        if taken:
            best, confidence = curve, found
        yield CurveTrial(t, found, marked, curve, taken, time.perf_counter() - began)


@torch.inference_mode()
def _tried(
    network: nn.Module,
    batches: Sequence[Tensor],
    heads: Sequence[Tensor],
    curve: IntensityCurve,
    activation: Activation,
    foreground: Sequence[int] | None,
) -> tuple[float, float]:
    """Confidence over all batches, and how much is marked."""
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    squares = marked = 0.0
    for x, head in zip(batches, heads, strict=True):
        p = probabilities(main_output(network(curve(x, head).to(device))), activation)
        channels = foreground or range(1 if p.shape[1] > 1 else 0, p.shape[1])
        confidence, of_batch = foreground_confidence(p[:, list(channels)].cpu())
        squares, marked = squares + confidence * of_batch, marked + of_batch
    return (squares / marked if marked > 0.0 else 0.0), marked


def _changed(
    curve: IntensityCurve, deviations: Sequence[float], reach: float, random: np.random.Generator
) -> IntensityCurve:
    """Each channel scaled about nothing, shifted, and bent smoothly, by normal deviates."""
    channels: list[ChannelCurve] = []
    for channel, deviation in zip(curve.channels, deviations, strict=True):
        scale, shift = 1.0 + 0.5 * reach * random.normal(), 0.5 * reach * random.normal()
        noise = random.normal(size=len(channel.y))
        bent = reach * np.convolve(np.pad(noise, 1, mode="edge"), _SMOOTH, "valid")
        # About the middle of the head, so that a scale is not a shift as well.
        middle = float(np.median(channel.y))
        y = middle + scale * (np.asarray(channel.y) - middle) + deviation * (shift + bent)
        channels.append(dataclasses.replace(channel, y=tuple(float(v) for v in y)))
    return IntensityCurve(tuple(channels))
