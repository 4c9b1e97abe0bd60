"""Making a past state of a run its result: the masks, the model and the record of iteration N."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Generator
from functools import partial

from napari_osuda.errors import OutputError
from napari_osuda.method import Adaptation
from napari_osuda.session.events import After, Event, Finished, Progress
from napari_osuda.session.job import IterationReason, Job, RunResult
from napari_osuda.session.notes import NoteKind
from napari_osuda.session.run import wording
from napari_osuda.session.run.clock import Clock
from napari_osuda.session.run.masks import Masks
from napari_osuda.session.run.result import scored
from napari_osuda.session.run.run import begin_adaptation
from napari_osuda.session.run.setup import Setup, set_up_again
from napari_osuda.session.run_folder.documents import now
from napari_osuda.session.run_folder.folder import RunFolder, sole_writer
from napari_osuda.session.run_folder.timeline import Timeline, network_at

__all__ = ["RunFromIteration"]


class RunFromIteration:
    """Driven like a run, whose steps are taken already: from the state of an iteration to its results.

    What comes out is what the run would have given had it been stopped after that iteration, to the bit on
    a CPU. The folder changes only once all is computed; a stop before that leaves everything as it was.

    Parameters
    ----------
    result : RunResult
        Of the run, however it ended.
    timeline : Timeline
        Its states.
    iteration : int
        One of ``timeline.kept``.
    """

    def __init__(self, result: RunResult, timeline: Timeline, iteration: int) -> None:
        self._past, self._timeline, self._iteration = result, timeline, iteration
        self._stop = threading.Event()

    @property
    def job(self) -> Job:
        """The job of the run."""
        return self._past.job

    def stop(self) -> None:
        """Ask for an early end, with the result that there was."""
        self._stop.set()

    def __iter__(self) -> Generator[Event, None, None]:
        """Go through it; raises OsudaError where the state is gone, and nothing has changed then."""
        past, clock = self._past, Clock()
        state = self._timeline.state(self._iteration)
        yield Progress("statistics", 0, 1, None)
        setup = set_up_again(past.job, past.intensity_maps)
        adaptation = begin_adaptation(setup)
        if adaptation is None or not past.cases:
            raise OutputError("No model was adapted in this run, so it has no earlier iteration.")
        network_at(state, past.job.model.network, into=adaptation.model)
        adaptation.t = self._iteration
        # Written only once all of them are there.
        masks = Masks(setup, None, clock, past.cases)
        passes, looks = masks.work_of_guard(fallback=False)
        clock.plan(
            slices=setup.target.parts(setup.card), steps=0, batch=setup.target.batch_size, passes=1 + passes,
            looks=looks, mirrored=setup.is_mirrored,
        )  # fmt: skip
        keep = partial(setup.keeping(masks.outputs), adaptation.model)
        for done, total in adaptation.finishing(setup.pooled, keep):
            yield clock.progress("statistics", done, total)
        afters: list[After] = []
        for event in masks.judge(adaptation.model, trained=self._iteration != 0):
            if isinstance(event, After):
                afters.append(event)
            else:
                yield event
            if self._stop.is_set():
                yield wording.nothing_changed()
                yield Finished(past)
                return
        result = self._result(setup, adaptation, masks)
        if past.job.out is not None:
            yield Progress("writing", 0, 1, None)
            with sole_writer(past.job.out):
                folder = RunFolder(past.job)
                for case in result.cases:
                    assert case.after is not None
                    folder.write_mask("after", case.case, case.after)
                    folder.write_uncertainty(case)
                folder.write(result)
        yield from afters
        yield Finished(result)

    def _result(self, setup: Setup, adaptation: Adaptation, masks: Masks) -> RunResult:
        past = self._past
        kept = [note for note in past.notes if note.kind is not NoteKind.CHOICE]
        return dataclasses.replace(
            past,
            outcome="stopped" if past.outcome == "failed" else past.outcome,
            device=str(setup.device),
            network=adaptation.model.cpu(),
            card=setup.adapted_card,
            cases=scored(masks.cases, past.job),
            layers=adaptation.layers,
            ended=now(),
            error=None,
            notes=(*kept, wording.choice(self._iteration, len(past.reports))),
            iteration=self._iteration,
            iteration_reason=IterationReason.PERSON,
        )
