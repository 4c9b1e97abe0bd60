"""The masks of an adapted network, and what the guard makes of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

import numpy as np
from torch import Tensor, nn

from napari_osuda.errors import OsudaError
from napari_osuda.imaging import SliceStack
from napari_osuda.method import Adaptation, adapt
from napari_osuda.session.events import Event, Progress, Stage
from napari_osuda.session.guard.comparison import compared
from napari_osuda.session.guard.recommendation import recommend
from napari_osuda.session.guard.signals import Evidence, gather
from napari_osuda.session.inference.case_slices import parts
from napari_osuda.session.inference.confidence import Confidence
from napari_osuda.session.inference.prediction import predicted
from napari_osuda.session.job import CaseResult, Contrast, Job, Recommendation

__all__ = ["Judging"]


class Judging:
    """Segments the cases by an adapted network, as often as there is another state of it to be judged.

    Parameters
    ----------
    job : Job
    source : nn.Module
        The source network, on the device that does the work.
    stacks, plain : sequence of SliceStack
        The cases as the adapted and as the source network see them.
    before : sequence of CaseResult
        The source model's masks; what is known of them is handed on.
    contrasts : sequence of {"converted", "unchanged", None}
        What became of each case whose images' names say that another contrast stands in for the model's.
    progress : callable
        Tells of a stage, work done and work in all.
    """

    def __init__(
        self,
        job: Job,
        source: nn.Module,
        stacks: Sequence[SliceStack],
        plain: Sequence[SliceStack],
        before: Sequence[CaseResult],
        contrasts: Sequence[Contrast | None],
        progress: Callable[[Stage, int, int], Progress],
    ) -> None:
        self._job, self._source, self._contrasts = job, source, contrasts
        self._stacks, self._plain, self._before = stacks, plain, before
        self._progress = progress
        self._evidence_before: dict[int, Evidence] = {}

    def cases(self, network: nn.Module, *, trained: bool = True) -> Iterator[Event | CaseResult]:
        """Progress, and each case's result once it is there, for a network in eval mode on the device."""
        job, card, done = self._job, self._job.model.card, 0
        total = sum(parts(stack) for stack in self._stacks)
        class_ratio_given = trained and job.config.class_ratio_given
        for index, (known, stack) in enumerate(zip(self._before, self._stacks, strict=True)):
            sure = Confidence(stack, card, job.reference(index))
            for part in predicted(network, stack, card, watch=sure):
                if not isinstance(part, np.ndarray):
                    yield self._progress("after", done + part[0], total)
                    continue
                advice = None
                if job.config.guard:
                    evidence = yield from self._evidence(index, network)
                    if evidence is not None:
                        evidence = compared(evidence, known.case, known.before, part, card)
                    contrast = self._contrasts[index]
                    advice = recommend(
                        known.before,
                        part,
                        known.case,
                        card,
                        evidence,
                        contrast,
                        class_ratio_given=class_ratio_given,
                    )
                yield dataclasses.replace(
                    known,
                    after=part,
                    recommendation=advice,
                    calibration_after=sure.calibration,
                    uncertainty=sure.uncertainty,
                )
            done += parts(stack)

    def with_fallback(
        self, adaptation: Adaptation, stopping: Callable[[], bool]
    ) -> Generator[Event, None, tuple[list[CaseResult], nn.Module, Recommendation | None]]:
        """The results of a finished adaptation, or of its iteration 0 where only that is accepted.

        Iteration 0 is a network of its own: whatever ends this, the adapted one is as it was.

        Parameters
        ----------
        adaptation : Adaptation
        stopping : callable
            Whether to leave it at the first.

        Returns
        -------
        results : list of CaseResult
        network : nn.Module
            Whose results they are.
        refused : Recommendation or None
            What the guard says of the adapted network, where the results are of iteration 0: the target's
            statistics, nothing trained.

        Notes
        -----
        All cases have one network. So iteration 0 comes into question where every case is refused, and is
        taken where it is accepted of one; of each other case the guard keeps the source's mask.
        """
        network = adaptation.model
        found = yield from _held(self.cases(network))
        if not all(map(_refused, found)) or stopping():
            return found, network, None
        try:
            others, untrained = yield from self._untrained(adaptation.batches, stopping)
        except (OsudaError, MemoryError, RuntimeError):
            # An attempt to do better, and no loss: what training led to is judged and refused already.
            return found, network, None
        if stopping() or all(map(_refused, others)) or _unchanged(others):
            return found, network, None
        return others, untrained, found[0].recommendation

    def _untrained(
        self, batches: Iterable[Tensor], stopping: Callable[[], bool]
    ) -> Generator[Event, None, tuple[list[CaseResult], nn.Module]]:
        """The results of iteration 0, as far as they go where a stop is asked for."""
        job, found = self._job, list[CaseResult]()
        adaptation = adapt(self._source, batches, job.config, activation=job.model.card.activation)
        for done, total in adaptation.finishing():
            yield self._progress("statistics", done, total)
            if stopping():
                return found, adaptation.model
        for part in self.cases(adaptation.model, trained=False):
            if isinstance(part, CaseResult):
                found.append(part)
            else:
                yield part
            if stopping():
                break
        return found, adaptation.model

    def _evidence(
        self, index: int, network: nn.Module
    ) -> Generator[Event, None, tuple[Evidence, Evidence] | None]:
        """The guard's signals of a case before and after; None where nothing was adapted."""
        plain, stack = self._plain[index], self._stacks[index]
        if network is self._source and plain is stack:
            return None
        found = []
        known = self._evidence_before.get(index)
        for which, (segmenter, seen) in enumerate(((self._source, plain), (network, stack))):
            if which == 0 and known is not None:
                found.append(known)
                continue
            for part in gather(segmenter, seen, self._job.model.card, plain):
                if not isinstance(part, tuple):
                    found.append(part)
                else:
                    yield self._progress("guard", which * part[1] + part[0], 2 * part[1])
        self._evidence_before[index] = found[0]
        return found[0], found[1]


def _held(
    cases: Iterator[Event | CaseResult],
) -> Generator[Event, None, list[CaseResult]]:
    """Hand on the progress, and keep the results back."""
    found = []
    for part in cases:
        if isinstance(part, CaseResult):
            found.append(part)
        else:
            yield part
    return found


def _refused(found: CaseResult) -> bool:
    return found.recommendation is not None and found.recommendation.decision != "accept"


def _unchanged(found: Sequence[CaseResult]) -> bool:
    return all(c.after is not None and np.array_equal(c.before, c.after) for c in found)
