"""Pooled statistics of the target, exact whatever the order and the size of the batches.

Eq. 3 leaves no population statistic behind, so a finished model needs one: each layer gets the mean and
the variance of its input over the whole target, *given* that the layers before it already have theirs;
the same as one train-mode forward pass of the whole target as a single batch.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from napari_osuda.method.computing.arithmetic import output_of
from napari_osuda.method.computing.distributed import ALONE, Processes
from napari_osuda.method.config import AdaptationConfig
from napari_osuda.method.layers import BoundLayer
from napari_osuda.method.normalization import BatchNormCall, InterceptBatchNorm, batch_statistics, mix
from napari_osuda.method.transferability import distance

__all__ = ["Moments", "Observed", "source_distance", "source_share", "store_pooled_statistics"]

# Up to so many elements of all layers' inputs together, the target goes through at once (float32: 6 GB
# if nothing were freed on the way, in practice a third); above, layer by layer.
_AT_ONCE = 1_500_000_000


@dataclass
class Moments:
    """Count, mean and sum of squared deviations of each channel, float64, merged exactly in any order.

    Chan, Golub & LeVeque, Updating formulae and a pairwise algorithm for computing sample variances, 1979.
    """

    count: int = 0
    mean: Tensor | None = None
    m2: Tensor | None = None

    def add(self, count: int, mean: Tensor, var: Tensor) -> None:
        """Merge ``count`` elements a channel of the given mean and biased variance, each [C]."""
        # Accumulated on the CPU: Apple's GPUs have no float64.
        mean, m2 = mean.detach().cpu().double(), var.detach().cpu().double() * count
        if self.mean is None or self.m2 is None:
            self.count, self.mean, self.m2 = count, mean, m2
            return
        total = self.count + count
        delta = mean - self.mean
        self.m2 = self.m2 + m2 + delta.square() * (self.count * count / total)
        self.mean = self.mean + delta * (count / total)
        self.count = total

    def over(self, processes: Processes, channels: int) -> Moments:
        """Those of all processes together, the same bits in each."""
        if processes.count == 1:
            return self
        nothing = torch.zeros(channels, dtype=torch.float64)
        mean, m2 = (nothing if known is None else known for known in (self.mean, self.m2))
        merged = Moments()
        for row in processes.gathered(torch.cat((mean, m2, mean.new_tensor([self.count])))):
            count = round(float(row[-1]))
            if count:
                merged.add(count, row[:channels], row[channels:-1] / count)
        return merged

    @property
    def var(self) -> Tensor:
        """Biased variance, [C] float64."""
        assert self.m2 is not None
        return self.m2 / self.count


@torch.inference_mode()
def source_distance(network: nn.Module, x: Tensor) -> Tensor | None:
    """d_lc of eq. 5 between the source's statistics and a batch's, as the source model itself sees the batch.

    Each layer is left to normalize by its own statistics, so what is far off in one stays far off in the
    next. (In a step with eta_t = 0 each layer hands on what its batch's statistics have set right.)

    Parameters
    ----------
    network : nn.Module
        In eval mode.
    x : Tensor, shape [B, C, H, W] or [B, C, D, H, W]
        On the network's device.

    Returns
    -------
    Tensor of shape [N] or None
        In the order of execution; None where no layer has statistics.
    """
    found: list[Tensor] = []

    def look(call: BatchNormCall) -> None:
        if call.running_mean is not None and call.running_var is not None:
            mean, var = batch_statistics(call.x)
            eps = torch.full_like(mean, call.eps)
            found.append(distance(call.running_mean.float(), call.running_var.float(), mean, var, eps))

    with InterceptBatchNorm(look):
        output_of(network, x)
    return torch.cat(found) if found else None


def source_share(config: AdaptationConfig, batches: Iterable[Tensor]) -> float:
    """Weight pi of what the layers store already in the statistics at inference, by the settings: 0 to 1."""
    how, count = config.inference_statistics, config.source_count
    if how != "mixed":
        return 0.0 if how == "target" else 1.0
    if count is None:
        return config.source_prior
    return count / (count + sum(len(batch) for batch in batches))


class _LayerReached(Exception):
    """Ends a forward pass at the layer whose input is wanted."""


@torch.no_grad()
def store_pooled_statistics(
    model: nn.Module,
    layers: tuple[BoundLayer, ...],
    batches: Iterable[Tensor],
    prior: float = 0.0,
    processes: Processes = ALONE,
    keep: Callable[[Tensor], None] | None = None,
) -> Iterator[tuple[int, int]]:
    """Write the pooled statistics of the target into the layers, mixed with what is stored by ``prior``.

    Parameters
    ----------
    model : nn.Module
        In eval mode, on the device of its parameters; changed in place.
    layers : tuple of BoundLayer
        Its executed BN layers, in the order of execution.
    batches : re-iterable of Tensor
        The target, float [B, C, H, W] or [B, C, D, H, W].
    prior : float
        pi of mu = pi mu_K + (1 - pi) mu_target, the variance likewise; 0 is the target alone.
    processes : Processes
        Those that do this together, each with the same model and target.
    keep : callable, optional
        Given the model's main output for the whole target, where it went through in one pass: each layer has
        normalized by what it stores in the end.

    Yields
    ------
    tuple of int
        Work done and work in all, in batches; the statistics stand when it is exhausted.

    Notes
    -----
    Where the whole target fits, one forward pass; otherwise one for each layer, ending there. The two
    agree to rounding.
    """
    device = layers[0].running_mean.device
    whole = _as_one(batches, layers)
    if whole is not None:
        yield 0, 1
        output = _store_at_once(model, layers, whole, prior, processes)
        if keep is not None and processes.count == 1:
            keep(output)
        yield 1, 1
        return
    total = len(layers) * sum(1 for _ in batches)
    done = 0
    for layer in layers:
        gather = _Gather(layer)
        for index, batch in enumerate(batches):
            if index % processes.count == processes.rank:
                gather.left = layer.executions
                with contextlib.suppress(_LayerReached), InterceptBatchNorm(gather):
                    output_of(model, batch.to(device))
            done += 1
            yield done, total
        _store(layer, gather.moments.over(processes, layer.info.channels), prior)


class _Gather:
    """Collects a layer's input over all its executions, and ends the pass at the last of them."""

    def __init__(self, layer: BoundLayer) -> None:
        self.layer = layer
        self.moments = Moments()
        self.left = 0

    def __call__(self, call: BatchNormCall) -> None:
        if call.running_mean is not self.layer.running_mean:
            return
        self.moments.add(call.count, *batch_statistics(call.x))
        self.left -= 1
        if self.left == 0:
            raise _LayerReached


def _store_at_once(
    model: nn.Module, layers: tuple[BoundLayer, ...], whole: Tensor, prior: float, processes: Processes
) -> Tensor:
    by_mean = {id(layer.running_mean): layer for layer in layers}
    share = processes.share(whole)

    def store_and_let_pass(call: BatchNormCall) -> None:
        # torch then normalizes by what has just been stored.
        layer = by_mean.get(id(call.running_mean))
        if layer is not None:
            moments = Moments()
            if share.own > 0.0:
                moments.add(call.count, *batch_statistics(call.x))
            _store(layer, moments.over(processes, layer.info.channels), prior)

    with InterceptBatchNorm(store_and_let_pass):
        return output_of(model, share.part.to(layers[0].running_mean.device))


def _store(layer: BoundLayer, moments: Moments, prior: float) -> None:
    assert moments.mean is not None
    for stored, pooled in ((layer.running_mean, moments.mean), (layer.running_var, moments.var)):
        stored.copy_(mix(stored.cpu().double(), pooled, prior).to(stored.dtype))


def _as_one(batches: Iterable[Tensor], layers: tuple[BoundLayer, ...]) -> Tensor | None:
    """The whole target as one batch, or None where it would not fit or does not go as one."""
    if any(layer.executions > 1 for layer in layers):
        # The statistics of a layer that runs twice are known only after its second run.
        return None
    gathered: list[Tensor] = []
    elements = 0.0
    for batch in batches:
        elements += batch.numel() * sum(layer.size for layer in layers)
        if elements > _AT_ONCE or (gathered and batch.shape[1:] != gathered[0].shape[1:]):
            return None
        gathered.append(batch)
    return torch.cat(gathered)


class Observed:
    """The batch statistics of each layer in one forward pass, pooled where a layer runs several times."""

    def __init__(self) -> None:
        self.statistics: dict[int, tuple[Tensor, Tensor]] = {}
        self.counts: dict[int, int] = {}

    def add(self, key: int, count: int, mean: Tensor, var: Tensor) -> None:
        """Note a layer's mean and biased variance [C] over ``count`` elements a channel."""
        if key in self.statistics:
            before_mean, before_var = self.statistics[key]
            share = count / (self.counts[key] + count)
            delta = mean - before_mean
            mean = before_mean + share * delta
            var = torch.lerp(before_var, var, share) + share * (1.0 - share) * delta.square()
        self.statistics[key] = (mean, var)
        self.counts[key] = self.counts.get(key, 0) + count
