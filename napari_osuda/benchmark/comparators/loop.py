"""The training loop of every comparator: batches of both domains, rates, checkpoints, cost."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_osuda.benchmark.comparators.memory import PeakMemory
from napari_osuda.benchmark.comparators.pool import ImagePool
from napari_osuda.benchmark.comparators.settings import Setting
from napari_osuda.benchmark.training import TrainingSlices

__all__ = ["Batch", "Comparator", "Domains", "Report", "clock_of", "decay", "train_comparator"]


@dataclass(frozen=True)
class Batch:
    """What an iteration is given.

    Attributes
    ----------
    source, target : float tensor [B, C, h, w]
        Normalized slices.
    classes : int64 tensor [B, h, w]
        Of the source's; the target has none.
    progress : float
        Share of the training that is over, from 0.
    noise : torch.Generator
        Of the method's own draws, on the CPU.
    """

    source: Tensor
    classes: Tensor
    target: Tensor
    progress: float
    noise: torch.Generator


@dataclass(frozen=True, eq=False)
class Domains:
    """What a comparator learns from.

    Attributes
    ----------
    source : TrainingSlices
        With their classes.
    target : float16 array [N, C, h, w]
        Without.
    """

    source: TrainingSlices
    target: NDArray[np.float16]


class Comparator(ABC):
    """A method that is trained on labeled images of the source and unlabeled ones of the target.

    Attributes
    ----------
    networks : nn.ModuleDict
        All that is trained or kept, by name.
    optimizers : dict of str to Optimizer
    pools : dict of str to ImagePool
    """

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.networks = nn.ModuleDict()
        self.optimizers: dict[str, torch.optim.Optimizer] = {}
        self.pools: dict[str, ImagePool] = {}
        self.device = torch.device("cpu")

    @abstractmethod
    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Train on one batch; the losses of its parts, by name."""

    @abstractmethod
    def segmenter(self) -> nn.Module:
        """What segments images of the target: float [B, C, h, w] to logits [B, K, h, w]."""

    def arithmetic(self) -> AbstractContextManager[Any]:
        """The precision of the networks."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.setting.half_precision)

    def descend(self, name: str, loss: Tensor) -> None:
        """One step of an optimizer on a loss."""
        optimizer = self.optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


@dataclass(frozen=True)
class Report:
    """How far a training is.

    Attributes
    ----------
    iteration, iterations : int
    losses : mapping of str to float
        Means since the last report.
    seconds : float
        Of training, over all sessions (`clock_of`).
    peak_mb : float
        Largest memory: of the graphics card where there is one, else of the whole process; nan if unknown.
    state : mapping
        What the training needs to go on: tensors and plain values.
    """

    iteration: int
    iterations: int
    losses: Mapping[str, float]
    seconds: float
    peak_mb: float
    state: Mapping[str, Any]


def clock_of(device: torch.device) -> Callable[[], float]:
    """What seconds are counted by: the processor's time where it does the work, else a clock on the wall.

    Processor seconds do not depend on what else a machine has to do.
    """
    return time.process_time if device.type == "cpu" else time.perf_counter


def decay(iteration: int, iterations: int) -> float:
    """Factor of every rate: 1 in the first half, then falling linearly to 0 (Zhu et al., 2017)."""
    half = iterations / 2
    return float(1 - max(0.0, iteration - half) / max(iterations - half, 1))


def train_comparator(
    method: Comparator,
    domains: Domains,
    device: torch.device | str = "cpu",
    resume: Mapping[str, Any] | None = None,
    every: int = 50,
) -> Iterator[Report]:
    """Train a comparator, reporting every so many iterations and at the end.

    Parameters
    ----------
    method : Comparator
    domains : Domains
        With enough slices of each for a batch, or they are drawn again within it.
    device : torch.device or str
    resume : mapping, optional
        An earlier report's ``state``, of the same method and domains.
    every : int

    Yields
    ------
    Report
        After the last one, ``method.segmenter()`` is on the CPU and in eval mode.
    """
    setting = method.setting
    method.device = torch.device(device)
    method.networks.to(method.device).train()
    schedules = {
        name: torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: decay(t, setting.iterations))
        for name, optimizer in method.optimizers.items()
    }
    rng, noise = np.random.default_rng(setting.seed), torch.Generator().manual_seed(setting.seed)
    parts: dict[str, Any] = {"networks": method.networks, **_named("optimizer", method.optimizers),
                             **_named("schedule", schedules), **_named("pool", method.pools)}  # fmt: skip
    begun, before, peak = 0, 0.0, PeakMemory(method.device)
    if resume is not None:
        begun, before = resume["iteration"], resume["seconds"]
        peak.least = resume["peak_mb"]
        for name, part in parts.items():
            part.load_state_dict(resume[name])
        rng.bit_generator.state = resume["order"]
        noise.set_state(resume["noise"])
    losses = list[dict[str, Tensor]]()
    clock = clock_of(method.device)
    began = clock()
    for iteration in range(begun + 1, setting.iterations + 1):
        batch = _batch(domains, setting, rng, noise, (iteration - 1) / setting.iterations, method.device)
        losses.append(method.step(batch))
        for schedule in schedules.values():
            schedule.step()
        if iteration % every == 0 or iteration == setting.iterations:
            seconds, most = before + clock() - began, peak.now()
            state = {
                "iteration": iteration, "seconds": seconds, "peak_mb": most,
                "order": rng.bit_generator.state, "noise": noise.get_state(),
                **{name: part.state_dict() for name, part in parts.items()},
            }  # fmt: skip
            yield Report(iteration, setting.iterations, _means(losses), seconds, most, state)
            losses.clear()
    method.networks.cpu().eval()


def _named(kind: str, parts: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{kind} {name}": part for name, part in parts.items()}


def _means(losses: Sequence[Mapping[str, Tensor]]) -> dict[str, float]:
    return {name: float(torch.stack([one[name].detach() for one in losses]).mean()) for name in losses[0]}


def _batch(
    domains: Domains,
    setting: Setting,
    rng: np.random.Generator,
    noise: torch.Generator,
    progress: float,
    device: torch.device,
) -> Batch:
    chosen, other = (rng.integers(0, len(d), setting.batch_size) for d in (domains.source, domains.target))

    def images(values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(device)

    classes = torch.from_numpy(domains.source.classes[chosen].astype(np.int64)).to(device)
    return Batch(
        images(domains.source.images[chosen]), classes, images(domains.target[other]), progress, noise
    )
