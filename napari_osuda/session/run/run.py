"""One adaptation from cases to run folder, as a generator that its caller drives."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Generator, Iterator

import numpy as np
import torch
from torch import nn

from napari_osuda.errors import OsudaError, explain, out_of_memory
from napari_osuda.evaluation import Calibration
from napari_osuda.imaging import IntensityMap, SliceStack
from napari_osuda.method import Adaptation, StepReport, adapt
from napari_osuda.models import check_adaptable
from napari_osuda.models.classes import foreground_channels
from napari_osuda.session.events import (
    After,
    Before,
    Event,
    Finished,
    Note,
    Progress,
    Started,
    Step,
)
from napari_osuda.session.guard.collapse import CollapseWatch
from napari_osuda.session.guard.judging import Judging
from napari_osuda.session.guard.wording import collapse_said, said
from napari_osuda.session.inference.case_slices import parts, slice_spec
from napari_osuda.session.inference.confidence import Confidence
from napari_osuda.session.inference.devices import placed, resolve_device
from napari_osuda.session.inference.prediction import predicted
from napari_osuda.session.job import CaseResult, Job, Labels, Outcome, RunResult
from napari_osuda.session.preflight import check_job
from napari_osuda.session.run.clock import Clock
from napari_osuda.session.run.contrast import choose_maps, contrast_status
from napari_osuda.session.run.result import classes_of, now, scores_of
from napari_osuda.session.run.target import Target
from napari_osuda.session.run_folder.checkpoint import Checkpoint
from napari_osuda.session.run_folder.folder import RunFolder
from napari_osuda.session.run_folder.timeline import NetworkState, Timeline

__all__ = ["Run"]

# Seconds between checkpoints: what a crash can cost, against what writing costs.
_CHECKPOINT_EVERY = 15.0


class Run:
    """A run: iterate over it for its events, and ask it to stop at any time, from any thread.

    Parameters
    ----------
    job : Job
        What to do.
    keep_states : bool
        Keep what the network was after each iteration, as far as there is room: see ``timeline``.

    Attributes
    ----------
    timeline : Timeline or None
        The states, from the first iteration on; None where none are kept.
    stacks : tuple of SliceStack
        The cases as the network that is adapted sees them; empty before ``Started``.

    Notes
    -----
    A pause is the caller not asking for the next event. A stop is honored within the step or the batch
    under way; the run then finishes with what it has and says so (``outcome`` "stopped").
    """

    def __init__(self, job: Job, *, keep_states: bool = False) -> None:
        self.job = job
        self.timeline: Timeline | None = None
        self.stacks: tuple[SliceStack, ...] = ()
        self._keep_states = keep_states
        self._stop = threading.Event()
        self._started = now()
        self._clock = Clock()
        self._notes: list[str] = []
        self._before: list[Labels] = []
        self._calibration: list[Calibration | None] = []
        self._after: list[CaseResult] = []
        self._watch: CollapseWatch | None = None
        self._adaptation: Adaptation | None = None
        self._network: nn.Module | None = None
        self._reports: list[StepReport] = []
        self._device = torch.device("cpu")
        self._maps: tuple[IntensityMap, ...] | None = None
        self._contrast_note: str | None = None
        # Of which iteration the result is, where that is not the last.
        self._used: int | None = None

    @property
    def device(self) -> torch.device:
        """Where the arithmetic runs."""
        return self._device

    def state_now(self, eta: float) -> NetworkState | None:
        """What the network is between two steps, the last of share ``eta``; for the run's own thread."""
        if self._adaptation is None or self._adaptation.finished:
            return None
        return NetworkState.of(self._adaptation, self.job.model.network.state_dict(), eta)

    def stop(self) -> None:
        """Ask for an early end with what has been reached so far."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether an early end has been asked for."""
        return self._stop.is_set()

    def __iter__(self) -> Generator[Event, None, None]:
        """Go through the run.

        Raises
        ------
        OsudaError
            Before the first event: something about the job is wrong, and nothing has been written.
            Later failures end with a ``Finished`` of outcome "failed" that holds the partial run.
        """
        job = self.job
        check_job(job)
        self._device = resolve_device(job.device)
        if job.config.threads is not None:
            torch.set_num_threads(job.config.threads)
        # A CPU run is then the same to the bit; some GPU kernels have no such variant and may differ.
        torch.manual_seed(job.config.seed)
        source = placed(job.model.network, self._device, SliceStack(job.cases[0], slice_spec(job.model.card)))
        self._maps, self._contrast_note = choose_maps(job, source, self._device)
        target = self._target(job.config.batch_size)
        if job.config.iterations > 0 or job.config.inference_statistics != "source":
            check_adaptable(job.model, next(iter(target))[:1])
        checkpoint = Checkpoint(job)
        folder = None if job.out is None else RunFolder(job)
        self.stacks = target.stacks
        checkpoint.hold()
        try:
            yield from self._kept(target, source, checkpoint, folder)
        finally:
            checkpoint.release()

    def _kept(
        self, target: Target, source: nn.Module, checkpoint: Checkpoint, folder: RunFolder | None
    ) -> Iterator[Event]:
        """The run, whose end, however it comes, leaves what there is in the folder."""
        try:
            yield from self._carry_out(target, source, checkpoint, folder)
        except GeneratorExit:
            # The caller has walked away (a closed window): keep what there is for a resumption.
            self._save(checkpoint)
            raise
        except BaseException as error:
            self._save(checkpoint)
            result = self._result("failed", explain(error))
            if folder is not None:
                folder.write(result)
            yield Finished(result)
            if not isinstance(error, OsudaError | MemoryError | OSError | RuntimeError):
                raise
            return
        yield from self._end(checkpoint, folder)

    def _end(self, checkpoint: Checkpoint, folder: RunFolder | None) -> Iterator[Event]:
        outcome: Outcome = "stopped" if self.stopping else "done"
        result = self._result(outcome, None)
        if folder is not None:
            yield Progress("writing", 0, 1, None)
            folder.write(result)
            if outcome == "done":
                checkpoint.remove()
        yield Finished(result)

    def _carry_out(
        self, target: Target, source: nn.Module, checkpoint: Checkpoint, folder: RunFolder | None
    ) -> Iterator[Event]:
        job, card = self.job, self.job.model.card
        adaptation = adapt_or_nothing(source, target, job)
        self._adaptation = adaptation
        if self._keep_states and adaptation is not None:
            self.timeline = Timeline(job.model.network, None if job.out is None else job.out / "timeline")
        if not checkpoint.exists:
            # From here on, whatever happens to this process, the run can be found and taken up again.
            self._save(checkpoint)
        yield Started(
            adaptation.layers if adaptation else (), job.config.iterations, str(self._device), classes_of(job)
        )
        self._clock.plan(before=target.slices, steps=job.config.iterations, after=target.slices)
        done = 0
        if target.batch_size < job.config.batch_size:
            held = "one patch" if target.batch_size == 1 else f"{target.batch_size} patches"
            yield self._note(
                f"Batches hold {held}, not {job.config.batch_size}: more of this size seldom fit into memory."
            )
        if job.config.consistency > 0.0 and len(target) >= job.config.iterations > 0:
            yield self._note(
                f"In {job.config.iterations} iterations none of the {len(target)} batches comes twice, so "
                "self-training has no earlier prediction to compare with and does nothing: raise iterations "
                "or batch_size."
            )
        if self._contrast_note is not None:
            yield self._note(self._contrast_note)
        plain = self._plain_stacks(target)
        for index, stack in enumerate(plain):
            reference = job.reference(index)
            sure = None if reference is None else Confidence(stack, card, reference)
            for part in predicted(source, stack, card, watch=sure):
                if isinstance(part, np.ndarray):
                    self._before.append(part)
                    self._calibration.append(None if sure is None else sure.calibration)
                    if folder is not None:
                        folder.write_mask("before", job.cases[index], part)
                    yield Before(index, part)
                else:
                    yield self._clock.progress("before", done + part[0], target.slices)
                if self.stopping:
                    return
            done += parts(stack)
        if adaptation is None:
            self._network = source
            yield from self._predict_after(target, source, source, folder)
            return
        watched = None
        if job.resume:
            self._reports, watched = checkpoint.restore(adaptation)
            yield self._note(f"Resumed after iteration {adaptation.t} of {job.config.iterations}.")
            for report in self._reports:
                yield Step(report)
        if job.config.guard:
            self._watch = CollapseWatch(
                adaptation.model, target.heads, alike=target.alike,
                foreground=foreground_channels(card), earlier=self._reports,
            )  # fmt: skip
            if watched is not None:
                self._watch.load_state_dict(watched)
        saved = time.monotonic()
        for step in self._steps(adaptation):
            if isinstance(step, Note):
                yield step
                continue
            self._reports.append(step)
            if self.timeline is not None:
                self.timeline.keep(adaptation, step.eta)
            yield Step(step)
            yield self._clock.progress("adapt", adaptation.t, job.config.iterations)
            collapse = None if self._watch is None else self._watch.saw(step)
            if self._watch is not None and collapse is not None:
                self._watch.restore()
                self._used = self._watch.good
                yield self._note(collapse_said(collapse))
                break
            if time.monotonic() - saved > _CHECKPOINT_EVERY:
                self._save(checkpoint)
                saved = time.monotonic()
            if self.stopping:
                self._save(checkpoint)
                yield self._note(f"Stopped after iteration {adaptation.t} of {job.config.iterations}.")
                break
        for part_done, part_total in adaptation.finishing():
            yield self._clock.progress("statistics", part_done, part_total)
        self._network = adaptation.model
        trained = bool(self._reports) and self._used != 0
        replaced = job.config.inference_statistics in ("target", "mixed")
        if job.config.guard and job.config.fallback and trained and replaced:
            yield from self._judge_with_fallback(target, source, adaptation, folder)
        else:
            yield from self._predict_after(target, source, adaptation.model, folder)

    def _steps(self, adaptation: Adaptation) -> Iterator[StepReport | Note]:
        """The iterations alone: the statistics at inference have a progress of their own.

        Where memory runs out the batches are halved, once: a step either counts whole or not at all, so
        it is simply taken again.
        """
        halved = False
        while adaptation.t < adaptation.config.iterations:
            try:
                yield next(adaptation)
            except (MemoryError, RuntimeError) as error:
                size = self._target(adaptation.config.batch_size).batch_size // 2
                if halved or not out_of_memory(error) or size < 1:
                    raise
                halved = True
                smaller = self._target(size)
                adaptation.rebatch(smaller, size)
                if self._watch is not None:
                    self._watch.rebatch(smaller.heads, alike=smaller.alike)
                what = "patches" if self.job.model.card.plane == "volume" else "slices"
                yield self._note(
                    f"Memory ran out at iteration {adaptation.t}: going on with batches of {size} {what}."
                )

    def _predict_after(
        self, target: Target, source: nn.Module, network: nn.Module, folder: RunFolder | None
    ) -> Iterator[Event]:
        for part in self._judging(target, source).cases(network, trained=self._used != 0):
            if isinstance(part, CaseResult):
                yield from self._deliver(part, folder)
            else:
                yield part

    def _judging(self, target: Target, source: nn.Module) -> Judging:
        before = [
            CaseResult(case, labels, None, calibration_before=calibration)
            for case, labels, calibration in zip(self.job.cases, self._before, self._calibration, strict=True)
        ]
        plain = self._plain_stacks(target)
        contrasts = contrast_status(self.job, self._maps)
        return Judging(self.job, source, target.stacks, plain, before, contrasts, self._clock.progress)

    def _deliver(self, found: CaseResult, folder: RunFolder | None) -> Iterator[Event]:
        assert found.after is not None
        if folder is not None:
            folder.write_mask("after", found.case, found.after)
            folder.write_uncertainty(found)
        self._after.append(found)
        yield After(len(self._after) - 1, found.after, found.recommendation)

    def _judge_with_fallback(
        self, target: Target, source: nn.Module, adaptation: Adaptation, folder: RunFolder | None
    ) -> Iterator[Event]:
        """Where the guard refuses what training has led to: the target's statistics alone, if they pass."""
        judging = self._judging(target, source)
        found, self._network, refused = yield from judging.with_fallback(adaptation, lambda: self.stopping)
        if refused is not None:
            iterations = adaptation.t if self._used is None else self._used
            self._used = 0
            whose = "the masks" if len(found) > 1 else "the mask"
            yield self._note(
                f"The guard refused {whose} after {iterations} iterations: {said(refused)[0]} It accepted "
                "iteration 0, which has the target's statistics and no training: that was made the result."
            )
        for case in found:
            yield from self._deliver(case, folder)

    def _target(self, batch_size: int) -> Target:
        job = self.job
        spec = slice_spec(job.model.card)
        if self._maps is not None:
            spec = dataclasses.replace(spec, intensity_maps=self._maps)
        return Target(job.cases, spec, batch_size, job.config.seed, job.config.minimum_head)

    def _plain_stacks(self, target: Target) -> tuple[SliceStack, ...]:
        """The cases as the source model sees them: without the maps of this run."""
        if self._maps is None:
            return target.stacks
        return tuple(SliceStack(case, slice_spec(self.job.model.card)) for case in self.job.cases)

    def _note(self, text: str) -> Note:
        self._notes.append(text)
        return Note(text)

    def _save(self, checkpoint: Checkpoint) -> None:
        if self._adaptation is not None and not self._adaptation.finished:
            watched = None if self._watch is None else self._watch.state_dict()
            checkpoint.save(self._adaptation, self._reports, watched)

    def _result(self, outcome: Outcome, error: str | None) -> RunResult:
        job, adaptation = self.job, self._adaptation
        cases = list(self._after)
        for index in range(len(cases), len(self._before)):
            cases.append(CaseResult(job.cases[index], self._before[index], None))
        scored = []
        for index, case in enumerate(cases):
            reference = job.reference(index)
            if reference is not None:
                case = dataclasses.replace(
                    case,
                    scores_before=scores_of(case.before, reference, case, job),
                    scores_after=() if case.after is None else scores_of(case.after, reference, case, job),
                )
            scored.append(case)
        return RunResult(
            outcome=outcome,
            job=job,
            device=str(self._device),
            network=None if self._network is None else self._network.cpu(),
            cases=tuple(scored),
            reports=tuple(self._reports),
            layers=() if adaptation is None else adaptation.layers,
            started=self._started,
            ended=now(),
            error=error,
            notes=tuple(self._notes),
            intensity_maps=self._maps,
            iteration=self._used,
        )


def adapt_or_nothing(source: nn.Module, target: Target, job: Job) -> Adaptation | None:
    """An adaptation, or None where the settings leave the source model as it is, BN or no BN."""
    if job.config.iterations == 0 and job.config.inference_statistics == "source":
        return None
    return adapt(source, target, job.config, activation=job.model.card.activation)
