"""Making a past state of a run its result: the masks, the model and the record of iteration N."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator

import torch

from napari_osuda.errors import OutputError
from napari_osuda.session.events import After, Event, Finished, Note, Progress
from napari_osuda.session.inference.devices import placed, resolve_device
from napari_osuda.session.job import RunResult
from napari_osuda.session.run.run import Run, adapt_or_nothing
from napari_osuda.session.run_folder.folder import RunFolder
from napari_osuda.session.run_folder.timeline import Timeline, network_at

__all__ = ["StateRun"]

_CHOSEN = "By a person's choice"


class StateRun(Run):
    """A run whose steps are taken already: from the state of an iteration to masks and run folder.

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
        super().__init__(result.job)
        self._past, self._states, self._iteration = result, timeline, iteration

    def __iter__(self) -> Generator[Event, None, None]:
        """Go through it; raises OsudaError where the state is gone, and nothing has changed then."""
        job, past, chosen = self.job, self._past, self._iteration
        state = self._states.state(chosen)
        yield Progress("statistics", 0, 1, None)
        self._device = resolve_device(job.device)
        if job.config.threads is not None:
            torch.set_num_threads(job.config.threads)
        self._maps = past.intensity_maps
        target = self._target(job.config.batch_size)
        self.stacks = target.stacks
        source = placed(job.model.network, self._device, target.stacks[0])
        adaptation = adapt_or_nothing(source, target, job)
        if adaptation is None or not past.cases:
            raise OutputError("This run has not adapted anything, so there is no iteration to go back to.")
        network_at(state, job.model.network, into=adaptation.model)
        adaptation.t, self._adaptation = chosen, adaptation
        self._before = [case.before for case in past.cases]
        self._calibration = [case.calibration_before for case in past.cases]
        self._reports = list(past.reports)
        self._clock.plan(before=0, steps=0, after=target.slices)
        for done, total in adaptation.finishing():
            yield self._clock.progress("statistics", done, total)
        self._network, self._used = adaptation.model, chosen
        afters: list[After] = []
        for event in self._predict_after(target, source, adaptation.model, None):
            if isinstance(event, After):
                afters.append(event)
            else:
                yield event
            if self.stopping:
                yield Note("Stopped; the result is what it was.")
                yield Finished(past)
                return
        result = self._chosen()
        if job.out is not None:
            yield Progress("writing", 0, 1, None)
            folder = RunFolder(job)
            for case in result.cases:
                assert case.after is not None
                folder.write_mask("after", case.case, case.after)
                folder.write_uncertainty(case)
            folder.write(result)
        yield from afters
        yield Finished(result)

    def _chosen(self) -> RunResult:
        past, chosen = self._past, self._iteration
        kept = tuple(note for note in past.notes if not note.startswith(_CHOSEN))
        note = f"{_CHOSEN} the result is that of iteration {chosen} of {len(past.reports)}."
        outcome = "stopped" if past.outcome == "failed" else past.outcome
        return dataclasses.replace(
            self._result(outcome, None), started=past.started, notes=(*kept, note), iteration=chosen
        )
