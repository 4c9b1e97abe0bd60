"""What the parts of a run work on: the source network on its device, the cases as each network sees them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from napari_osuda.imaging import IntensityMap, SliceStack
from napari_osuda.method.computing.arithmetic import compute_in
from napari_osuda.method.computing.distributed import ALONE, Processes
from napari_osuda.models import ModelCard
from napari_osuda.session.inference.case_slices import slice_spec, with_maps
from napari_osuda.session.inference.devices import placed, resolve_device
from napari_osuda.session.inference.mirror import mirrors
from napari_osuda.session.inference.outputs import SPARED, Outputs
from napari_osuda.session.job import Job
from napari_osuda.session.notes import Note
from napari_osuda.session.run.contrast import choose_maps
from napari_osuda.session.run.target import Target, TargetPart, target_of

__all__ = ["Setup", "set_up", "set_up_again"]


@dataclass(frozen=True, eq=False)
class Setup:
    """One job on one device.

    Attributes
    ----------
    job : Job
    device : torch.device
    source : nn.Module
        A copy of the source network, on the device and in eval mode.
    maps : tuple or None
        Intensity maps, one a channel, that this run puts before the network that it adapts.
    target : Target
        The cases as that network sees them, in batches.
    """

    job: Job
    device: torch.device
    source: nn.Module
    maps: tuple[IntensityMap, ...] | None
    target: Target

    @cached_property
    def card(self) -> ModelCard:
        """The adapted model's, but for its maps: its predictions may be averaged and looked at again."""
        card = self.job.model.card
        config = self.job.config
        mirrored = card.mirror_averaging or (config.mirror and mirrors(self.target.stacks, card))
        # Where the contrast was converted a second look gains nothing on real patients (docs/defaults.md).
        wanted = config.second_look and self.maps is None and not config.changes_nothing
        looked = card.second_look or wanted
        return card.model_copy(update={"mirror_averaging": mirrored, "second_look": looked})

    @property
    def is_mirrored(self) -> bool:
        """Whether predictions are averaged with those of the mirror image, and the source model's are not."""
        return self.card.mirror_averaging != self.job.model.card.mirror_averaging

    @property
    def adapted_card(self) -> ModelCard:
        """Of the adapted model, with the maps before it."""
        return self.mapped(self.card)

    def mapped(self, card: ModelCard) -> ModelCard:
        """A card with the maps of this run."""
        return card if self.maps is None else with_maps(card, self.maps)

    @cached_property
    def plain(self) -> tuple[SliceStack, ...]:
        """The cases as the source model sees them: without the maps of this run."""
        if self.maps is None:
            return self.target.stacks
        return tuple(SliceStack(case, slice_spec(self.job.model.card)) for case in self.job.cases)

    @property
    def pooled(self) -> Target | TargetPart:
        """What the statistics at inference are pooled over."""
        return self.target.part(self.job.config.pooled_slices)

    def keeping(
        self, outputs: Outputs, pooled: Target | TargetPart | None = None
    ) -> Callable[[nn.Module, Tensor], None]:
        """A function that keeps what a network, with its statistics pooled, puts out for ``pooled``.

        Without that, for what the statistics of all networks are pooled over.
        """
        by_case: dict[int, list[tuple[int, int]]] = {}
        for place, (case, index) in enumerate((pooled or self.pooled).slices):
            by_case.setdefault(case, []).append((place, index))

        def keep(network: nn.Module, output: Tensor) -> None:
            for case, slices in by_case.items():
                places, indices = zip(*slices, strict=True)
                kept = outputs.keeping(network, self.target.stacks[case], "straight", SPARED)
                kept(np.array(indices, np.intp), output[list(places)])

        return keep

    def smaller(self, batch_size: int) -> Target:
        """The same target in batches of another size."""
        return target_of(self.job, self.maps, batch_size)


def set_up(job: Job, processes: Processes = ALONE) -> tuple[Setup, Note | None]:
    """Set a job up; also a note on the images' contrasts, if there is anything to tell.

    Of several processes the first one looks at the contrasts, for all.

    Raises
    ------
    ConfigError
        There is no such device.
    """
    device = _device_of(job)
    # A CPU run is then the same to the bit; some GPU kernels have no such variant and may differ.
    torch.manual_seed(job.config.seed)
    stack = SliceStack(job.cases[0], slice_spec(job.model.card))
    source = placed(job.model.network, device, stack, job.config.precision)
    # In float32: its limits were chosen so, and only a few slices are looked at.
    exact = compute_in(copy.copy(source), None)
    maps, note = processes.as_the_first(lambda: choose_maps(job, exact, device))
    return Setup(job, device, source, maps, target_of(job, maps)), note


def set_up_again(job: Job, maps: Sequence[IntensityMap] | None) -> Setup:
    """Set a job up as an earlier run of it was, which put ``maps`` before the network."""
    device = _device_of(job)
    chosen = None if maps is None else tuple(maps)
    target = target_of(job, chosen)
    return Setup(
        job, device, placed(job.model.network, device, target.stacks[0], job.config.precision), chosen, target
    )


def _device_of(job: Job) -> torch.device:
    device = resolve_device(job.device)
    if job.config.threads is not None:
        torch.set_num_threads(job.config.threads)
    return device
