"""One adaptation from cases to run folder, as a generator that its caller drives."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import closing, nullcontext, suppress

import torch
from torch import nn

from napari_osuda.errors import OsudaError, explain
from napari_osuda.imaging import SliceStack
from napari_osuda.method import Adaptation, NormLayer, adapt
from napari_osuda.method.computing.distributed import ALONE, Processes
from napari_osuda.models import ModelCard, check_adaptable
from napari_osuda.session.events import Event, Finished, Note, Progress, Started
from napari_osuda.session.guard.wording import choice_words
from napari_osuda.session.inference.case_notes import case_notes
from napari_osuda.session.job import IterationReason, Job, Outcome, RunResult
from napari_osuda.session.preflight import check_job, check_out
from napari_osuda.session.run import wording
from napari_osuda.session.run.clock import Clock
from napari_osuda.session.run.intensities import intensity_changes
from napari_osuda.session.run.iterations import Iterations
from napari_osuda.session.run.masks import Masks
from napari_osuda.session.run.result import Chosen, classes_of, scored
from napari_osuda.session.run.setup import Setup, set_up
from napari_osuda.session.run_folder.checkpoint import Checkpoint
from napari_osuda.session.run_folder.documents import now
from napari_osuda.session.run_folder.folder import RunFolder, sole_writer
from napari_osuda.session.run_folder.run_log import RunLog
from napari_osuda.session.run_folder.timeline import NetworkState, Timeline

__all__ = ["Run", "begin_adaptation"]


class Run:
    """A run: iterate over it for its events, and ask it to stop at any time, from any thread.

    Parameters
    ----------
    job : Job
        What to do.
    keep_states : bool
        Keep what the network was after each iteration, as far as there is room: see ``timeline``.
    processes : Processes
        Those that train together. This is the first of them; the others `assist`.

    Attributes
    ----------
    timeline : Timeline or None
        The states, from the first iteration on; None where none are kept.
    stacks : tuple of SliceStack
        The cases as the network that is adapted sees them; empty before ``Started``.
    card : ModelCard
        What the masks are made by: the source model's until the run has begun.
    device : torch.device
        Where the arithmetic runs.

    Notes
    -----
    A pause is the caller not asking for the next event. A stop is honored within the step or the batch
    under way; the run then finishes with what it has and says so (``outcome`` "stopped").
    """

    def __init__(self, job: Job, *, keep_states: bool = False, processes: Processes = ALONE) -> None:
        self.job = job
        self._processes = processes
        self.timeline: Timeline | None = None
        self.stacks: tuple[SliceStack, ...] = ()
        self.card = job.model.card
        self.device = torch.device("cpu")
        self._keep_states = keep_states
        self._stop = threading.Event()
        self._started = now()
        self._clock = Clock()
        self._notes: list[Note] = []
        self._setup: Setup | None = None
        self._masks: Masks | None = None
        self._iterations: Iterations | None = None
        self._network: nn.Module | None = None
        self._card: ModelCard | None = None
        self._chosen: Chosen | None = None

    def state_now(self, eta: float) -> NetworkState | None:
        """What the network is between two steps, the last of share ``eta``; for the run's own thread."""
        if self._iterations is None or self._iterations.adaptation.finished:
            return None
        return NetworkState.of(self._iterations.adaptation, self.job.model.network.state_dict(), eta)

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
        setup, about_contrast = set_up(job, self._processes)
        self.device, target = setup.device, setup.target
        if not job.config.changes_nothing:
            check_adaptable(job.model, next(iter(target))[:1])
        adaptation = begin_adaptation(setup, self._processes)
        self._setup = setup
        if self._processes.any(self.stopping):
            # Before anything was begun: nothing is left behind.
            yield Finished(self._result("stopped", None))
            return
        with nullcontext() if job.out is None else sole_writer(job.out):
            if job.out is not None:
                # Once more: another run may have ended here meanwhile.
                check_out(job.out, resume=job.resume)
            checkpoint = Checkpoint(job)
            if adaptation is not None:
                if self._keep_states:
                    path = None if job.out is None else job.out / "timeline"
                    self.timeline = Timeline(job.model.network, path)
                self._iterations = Iterations(
                    setup, adaptation, checkpoint, self.timeline, self._stop.is_set, self._clock
                )
            folder = None if job.out is None else RunFolder(job)
            self.stacks, self.card = target.stacks, setup.card
            self._masks = Masks(setup, folder, self._clock)
            with closing(RunLog(job.out)) as log:
                log.begin(job, str(self.device))
                yield from self._to_the_end(setup, checkpoint, folder, about_contrast, log)

    def _to_the_end(
        self,
        setup: Setup,
        checkpoint: Checkpoint,
        folder: RunFolder | None,
        about_contrast: Note | None,
        log: RunLog,
    ) -> Generator[Event, None, None]:
        """The run, whose end, however it comes, leaves what there is in the folder."""
        try:
            with closing(self._events(setup, about_contrast)) as events:
                for event in events:
                    if isinstance(event, Note):
                        self._notes.append(event)
                    yield log.event(event)
            result = self._result("stopped" if self.stopping else "done", None)
            if folder is not None:
                yield log.event(Progress("writing", 0, 1, None))
                folder.require_masks(result)
                folder.write(result)
        except (GeneratorExit, KeyboardInterrupt):
            # The caller has walked away (a closed window): keep what there is for a resumption.
            self._save()
            raise
        except BaseException as error:
            log.failure(error)
            # A full disk may have been the reason; the checkpoint before this one is still there then.
            with suppress(OsudaError, OSError, RuntimeError):
                self._save()
            result = self._result("failed", explain(error))
            if folder is not None:
                with suppress(OsudaError, OSError, RuntimeError):
                    folder.write(result)
            yield log.event(Finished(result))
            if not isinstance(error, OsudaError | MemoryError | OSError | RuntimeError):
                raise
            return
        if result.outcome == "done":
            checkpoint.remove()
        yield log.event(Finished(result))

    def _events(self, setup: Setup, about_contrast: Note | None) -> Generator[Event, None, None]:
        """The work itself, part by part."""
        job, total = self.job, self.job.config.iterations
        assert self._masks is not None
        layers: tuple[NormLayer, ...] = ()
        if self._iterations is not None:
            layers = self._iterations.adaptation.layers
            # From here on, whatever happens to this process, the run can be found and taken up again.
            self._save()
        yield Started(layers, total, str(self.device), classes_of(job), intensity_changes(job, setup.maps))
        slices = setup.target.parts(setup.card)
        passes, looks = self._masks.work_of_guard(fallback=self._may_fall_back)
        self._clock.plan(
            slices=slices, steps=total, batch=setup.target.batch_size, looks=looks,
            passes=passes + (self._iterations is not None), mirrored=setup.is_mirrored,
            written=job.out is not None,
        )  # fmt: skip
        yield from _about(setup, about_contrast)
        yield from self._masks.segment(self._stop.is_set)
        if self._processes.any(self.stopping):
            return
        if self._iterations is None:
            self._network = setup.source
            yield from self._masks.judge(setup.source, trained=True)
        else:
            yield from self._iterations
            if self._iterations.collapsed_to is not None:
                self._chosen = Chosen(self._iterations.collapsed_to, IterationReason.COLLAPSE)
            yield from self._iterations.finish(self._masks.outputs)
            yield from self._adapted(self._iterations)

    def _adapted(self, iterations: Iterations) -> Iterator[Event]:
        """The masks of what training has led to, or of iteration 0 where the guard prefers that."""
        assert self._masks is not None
        adaptation = iterations.adaptation
        self._network = adaptation.model
        untrained = iterations.collapsed_to == 0
        if not (self._may_fall_back and iterations.reports) or untrained:
            yield from self._masks.judge(adaptation.model, trained=not untrained)
            return
        good, earlier = iterations.earlier or (0, None)
        found, choice = yield from self._masks.judge_candidates(adaptation, self._stop.is_set, earlier)
        self._network, self._card = choice.network, choice.card
        if choice.refused is not None:
            reached = adaptation.t if self._chosen is None else self._chosen.iteration
            used = good if choice.name == "earlier" else 0
            self._chosen = Chosen(used, IterationReason.GUARD)
            yield wording.fallback(choice_words(choice.name, reached, choice.refused))
        for case in found:
            yield from self._masks.take(case)

    @property
    def _may_fall_back(self) -> bool:
        """Whether the settings let the guard compare the adapted network with what came before it."""
        config = self.job.config
        return config.guard and config.fallback and config.inference_statistics in ("target", "mixed")

    def _save(self) -> None:
        if self._iterations is not None:
            self._iterations.save()

    def _result(self, outcome: Outcome, error: str | None) -> RunResult:
        job, iterations, chosen, setup = self.job, self._iterations, self._chosen, self._setup
        return RunResult(
            outcome=outcome,
            job=job,
            device=str(self.device),
            network=None if self._network is None else self._network.cpu(),
            cases=() if self._masks is None else scored(self._masks.cases, job),
            reports=() if iterations is None else tuple(iterations.reports),
            layers=() if iterations is None else iterations.adaptation.layers,
            started=self._started,
            ended=now(),
            error=error,
            notes=tuple(self._notes),
            intensity_maps=None if setup is None else setup.maps,
            card=None if setup is None else setup.mapped(self._card or setup.card),
            iteration=None if chosen is None else chosen.iteration,
            iteration_reason=None if chosen is None else chosen.reason,
        )


def _about(setup: Setup, contrast: Note | None) -> Iterator[Note]:
    """What is to be known before the first step."""
    config, target = setup.job.config, setup.target
    if target.batch_size < config.batch_size:
        yield wording.small_batches(target.batch_size, config.batch_size)
    if config.consistency > 0.0 and len(target) >= config.iterations > 0:
        yield wording.no_repeat(config.iterations, len(target))
    if contrast is not None:
        yield contrast
    for stack in target.stacks:
        yield from case_notes(stack, setup.job.model.card)


def begin_adaptation(setup: Setup, processes: Processes = ALONE) -> Adaptation | None:
    """An adaptation, or None where the settings leave the source model as it is, BN or no BN."""
    job = setup.job
    if job.config.changes_nothing:
        return None
    activation = job.model.card.activation
    return adapt(setup.source, setup.target, job.config, activation=activation, processes=processes)
