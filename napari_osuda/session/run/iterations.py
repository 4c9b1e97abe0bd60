"""The training steps of a run: taken up again, watched for a collapse, saved as they go."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from torch import nn

from napari_osuda.errors import OutputError, out_of_memory
from napari_osuda.method import Adaptation, StepReport
from napari_osuda.models.classes import foreground_channels
from napari_osuda.session.events import Event, Note, Step
from napari_osuda.session.guard.collapse import CollapseWatch
from napari_osuda.session.guard.wording import collapse_words
from napari_osuda.session.inference.outputs import Outputs
from napari_osuda.session.run import wording
from napari_osuda.session.run.clock import Clock
from napari_osuda.session.run.setup import Setup
from napari_osuda.session.run_folder.checkpoint import Checkpoint
from napari_osuda.session.run_folder.timeline import Timeline

__all__ = ["Iterations"]

# Seconds between checkpoints: what a crash can cost, against what writing costs.
_CHECKPOINT_EVERY = 15.0


class Iterations:
    """Iterate over it for the events of the training; it ends early on a stop or a collapse.

    Parameters
    ----------
    setup : Setup
    adaptation : Adaptation
        Fresh, of the setup's source and target.
    checkpoint : Checkpoint
        Where the state is kept for a resumption, and where a resumed run finds it.
    timeline : Timeline or None
        Takes in the state after each step.
    stopping : callable
        Whether an early end has been asked for.

    Attributes
    ----------
    reports : list of StepReport
        Of all steps, those before a resumption among them.
    collapsed_to : int or None
        How many iterations the last good state had, where the training has collapsed and was set back to it.

    Raises
    ------
    OutputError
        The run is to be resumed, and its checkpoint cannot be used, or not all processes find it.
    """

    def __init__(
        self,
        setup: Setup,
        adaptation: Adaptation,
        checkpoint: Checkpoint,
        timeline: Timeline | None,
        stopping: Callable[[], bool],
        clock: Clock,
    ) -> None:
        self.adaptation = adaptation
        self.reports: list[StepReport] = []
        self.collapsed_to: int | None = None
        self._setup, self._checkpoint, self._timeline = setup, checkpoint, timeline
        self._stopping, self._clock = stopping, clock
        self._target = setup.target
        self._watch: CollapseWatch | None = None
        self._watched: dict[str, Any] | None = None
        self._resumed = setup.job.resume and checkpoint.exists
        # At once: whenever a state is saved, it has taken in the one that was there.
        if self._resumed:
            self.reports, self._watched = checkpoint.restore(adaptation)
        # Nobody writes a state before all have read theirs.
        if not adaptation.processes.agree(adaptation.t):
            raise OutputError(
                f"The run in {setup.job.out} cannot be resumed: its processes do not all find the same saved "
                "state. Put the run folder on a disk that all computers share."
            )
        self._training = True

    def save(self) -> None:
        """Write a checkpoint, if the state is one that the training can go on from."""
        if self._training:
            watched = self._watched if self._watch is None else self._watch.state_dict()
            self._checkpoint.save(self.adaptation, self.reports, watched)

    def __iter__(self) -> Iterator[Event]:
        yield from self._begin()
        total, saved = self._setup.job.config.iterations, time.monotonic()
        for step in self._steps():
            if isinstance(step, Note):
                yield step
                continue
            self.reports.append(step)
            if self._timeline is not None:
                self._timeline.keep(self.adaptation, step.eta)
            # Before anything is told: whoever leaves at an event leaves a state that fits its reports.
            collapse = None if self._watch is None else self._watch.saw(step)
            if self._watch is not None and collapse is not None:
                # From here on the network is of an earlier iteration than the optimizer.
                self._training = False
                self._watch.restore()
                self.collapsed_to = self._watch.good
            yield Step(step)
            yield self._clock.progress("adapt", self.adaptation.t, total)
            if collapse is not None:
                yield wording.collapse(collapse_words(collapse))
                break
            if time.monotonic() - saved > _CHECKPOINT_EVERY:
                self.save()
                saved = time.monotonic()
            # What one process is asked, all do.
            if self.adaptation.processes.any(self._stopping()):
                yield wording.stopped(self.adaptation.t, total)
                break

    @property
    def earlier(self) -> tuple[int, nn.Module] | None:
        """The last iteration with half of its foreground, and its network; None where that is the present."""
        if self._watch is None or self.collapsed_to is not None:
            return None
        model = self._watch.earlier()
        return None if model is None else (self._watch.good, model)

    def finish(self, outputs: Outputs | None = None) -> Iterator[Event]:
        """Gather the statistics at inference; no checkpoint can be made from here on.

        What the finished network puts out on the way is kept in ``outputs``, if given.
        """
        self.save()
        self._training = False
        pooled = self._target.part(self._setup.job.config.pooled_slices)
        kept = self._setup.keeping(Outputs(0) if outputs is None else outputs, pooled)
        keep = partial(kept, self.adaptation.model)
        for done, total in self.adaptation.finishing(pooled, keep):
            yield self._clock.progress("statistics", done, total)

    def _begin(self) -> Iterator[Event]:
        setup = self._setup
        if setup.job.config.guard:
            self._watch = CollapseWatch(
                self.adaptation.model, setup.target.heads, alike=setup.target.alike,
                foreground=foreground_channels(setup.job.model.card), earlier=self.reports,
            )  # fmt: skip
            if self._watched is not None:
                self._watch.load_state_dict(self._watched)
        if self._resumed:
            yield wording.resumed(self.adaptation.t, setup.job.config.iterations)
            for report in self.reports:
                yield Step(report)

    def _steps(self) -> Iterator[StepReport | Note]:
        """The iterations alone: the statistics at inference have a progress of their own.

        Where memory runs out the batches are halved, once: a step either counts whole or not at all, so
        it is simply taken again.
        """
        adaptation, setup = self.adaptation, self._setup
        # Each process would have to halve its own: with several it is an error like any other.
        halved = adaptation.processes.count > 1
        while adaptation.t < adaptation.config.iterations:
            try:
                step = next(adaptation)
                # Everything after a step looks at its state: the watch, the window, the timeline.
                adaptation.settle()
                yield step
            except (MemoryError, RuntimeError) as error:
                size = setup.smaller(adaptation.config.batch_size).batch_size // 2
                if halved or not out_of_memory(error) or size < 1:
                    raise
                halved = True
                smaller = self._target = setup.smaller(size)
                adaptation.rebatch(smaller, size)
                if self._watch is not None:
                    self._watch.rebatch(smaller.heads, alike=smaller.alike)
                volumes = setup.job.model.card.plane == "volume"
                yield wording.memory(adaptation.t, size, volumes)
