"""The masks of a run's cases: the source model's, and the adapted model's with the guard's judgment."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from napari_osuda.method import Adaptation
from napari_osuda.session.events import After, Before, Event
from napari_osuda.session.guard.evidence import looked_at
from napari_osuda.session.guard.judging import Choice, Judging
from napari_osuda.session.inference.case_slices import parts
from napari_osuda.session.inference.confidence import Confidence
from napari_osuda.session.inference.mirror import way_of
from napari_osuda.session.inference.outputs import SPARED, Keep, Outputs
from napari_osuda.session.inference.prediction import predicted
from napari_osuda.session.job import CaseResult
from napari_osuda.session.run.clock import Clock
from napari_osuda.session.run.contrast import contrast_status
from napari_osuda.session.run.setup import Setup
from napari_osuda.session.run_folder.folder import RunFolder

__all__ = ["Masks"]


class Masks:
    """Makes the masks of all cases, writes each as soon as it is there, and keeps them in the cases' order.

    Parameters
    ----------
    setup : Setup
    folder : RunFolder or None
        Where the masks are written; None writes none.
    clock : Clock
    before : sequence of CaseResult
        Of an earlier run of the same job, whose source masks are taken as they are.

    Attributes
    ----------
    before, after : list of CaseResult
        With the source model's masks alone, and with the adapted model's; no scores yet.
    outputs : Outputs
        What networks have put out for the cases.
    """

    def __init__(
        self, setup: Setup, folder: RunFolder | None, clock: Clock, before: Sequence[CaseResult] = ()
    ) -> None:
        self.before = [
            CaseResult(b.case, b.before, None, calibration_before=b.calibration_before) for b in before
        ]
        self.after: list[CaseResult] = []
        self._setup, self._folder, self._clock = setup, folder, clock
        self.outputs = Outputs()

    @property
    def cases(self) -> list[CaseResult]:
        """What is known of each case that has a mask, the adapted one's where it is there."""
        return [*self.after, *self.before[len(self.after) :]]

    def segment(self, stopping: Callable[[], bool]) -> Iterator[Event]:
        """Make the source model's masks, as far as it goes until a stop is asked for."""
        setup, done = self._setup, 0
        card, total = setup.job.model.card, setup.target.parts(setup.job.model.card)
        guard, may_look_again = setup.job.config.guard, setup.card.second_look and not card.second_look
        for index, stack in enumerate(setup.plain):
            few, _ = looked_at(stack, stack)
            keeps = [self.outputs.keeping(setup.source, few, way_of(card))] if guard else []
            if may_look_again:
                # All of it may be asked for; less certainly, and so the other cases' come first.
                keeps.append(self.outputs.keeping(setup.source, stack, way_of(card), SPARED))
            reference = setup.job.reference(index)
            sure = None if reference is None else Confidence(stack, card, reference)
            for part in predicted(setup.source, stack, card, watch=sure, keep=_each(keeps)):
                if isinstance(part, np.ndarray):
                    case = setup.job.cases[index]
                    calibration = None if sure is None else sure.calibration
                    self.before.append(CaseResult(case, part, None, calibration_before=calibration))
                    if self._folder is not None:
                        self._folder.write_mask("before", case, part)
                    yield Before(index, part)
                else:
                    yield self._clock.progress("before", done + part[0], total)
                if stopping():
                    return
            done += parts(stack, card)

    def work_of_guard(self, *, fallback: bool) -> tuple[int, int]:
        """Passes and looks of the guard, as `Judging.work` gives them; none where it is switched off."""
        return self._judging().work(fallback=fallback) if self._setup.job.config.guard else (0, 0)

    def judge(self, network: nn.Module, *, trained: bool) -> Iterator[Event]:
        """Make the masks of a finished network (``trained``: by more than its statistics)."""
        for part in self._judging().cases(network, trained=trained):
            if isinstance(part, CaseResult):
                yield from self.take(part)
            else:
                yield part
        self.outputs.clear()

    def judge_candidates(
        self, adaptation: Adaptation, stopping: Callable[[], bool], earlier: nn.Module | None
    ) -> Generator[Event, None, tuple[list[CaseResult], Choice]]:
        """The masks of a finished adaptation, or those of another candidate that the guard prefers.

        Returns
        -------
        found : list of CaseResult
            Still to be taken in: see `take`.
        choice : Choice
            Whose masks they are.
        """
        found = yield from self._judging().with_fallback(adaptation, stopping, earlier)
        self.outputs.clear()
        return found

    def take(self, found: CaseResult) -> Iterator[Event]:
        """Take in the next case's adapted mask: it is written, and told."""
        assert found.after is not None
        if self._folder is not None:
            self._folder.write_mask("after", found.case, found.after)
            self._folder.write_uncertainty(found)
        self.after.append(found)
        yield After(len(self.after) - 1, found.after, found.recommendation)

    def _judging(self) -> Judging:
        setup = self._setup
        contrasts = contrast_status(setup.job, setup.maps)
        return Judging(
            setup.job, setup.source, setup.target.stacks, setup.plain, self.before, contrasts,
            self._clock.progress, setup.target, setup.card, setup.pooled, self.outputs,
            setup.keeping(self.outputs),
        )  # fmt: skip


def _each(keeps: Sequence[Keep]) -> Keep:
    """One function that tells all."""

    def keep(indices: npt.NDArray[np.intp], output: Tensor) -> None:
        for one in keeps:
            one(indices, output)

    return keep
