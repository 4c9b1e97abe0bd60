"""The masks of a finished run: of a network, or the original ones without pieces that are not found again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from napari_osuda.imaging import SliceStack
from napari_osuda.models import ModelCard
from napari_osuda.session.advice import Recommendation
from napari_osuda.session.events import Event, Progress, Stage
from napari_osuda.session.guard.recommendation import unchanged, with_volumes
from napari_osuda.session.guard.removed import without_pieces
from napari_osuda.session.inference.case_slices import parts
from napari_osuda.session.inference.confidence import Confidence
from napari_osuda.session.inference.mirror import way_of
from napari_osuda.session.inference.outputs import Outputs
from napari_osuda.session.inference.prediction import looked_at_again, predicted
from napari_osuda.session.inference.second_look import pieces_in
from napari_osuda.session.job import CaseResult, Job, Labels

__all__ = ["FinalMasks", "collected"]


@dataclass(frozen=True)
class FinalMasks:
    """Makes the masks that stand beside the source model's.

    Attributes
    ----------
    job : Job
    stacks : sequence of SliceStack
        The cases as the network sees them.
    before : sequence of CaseResult
        The source model's masks; what is known of them is handed on.
    progress : callable
        Tells of a stage, work done and work in all.
    outputs : Outputs
        What is known there does not go through a network.
    """

    job: Job
    stacks: Sequence[SliceStack]
    before: Sequence[CaseResult]
    progress: Callable[[Stage, int, int], Progress]
    outputs: Outputs

    def made(
        self, network: nn.Module, card: ModelCard, advice: Sequence[Recommendation] | None
    ) -> Iterator[Event | CaseResult]:
        """Progress, and each case's mask by a network with what is recommended."""
        job, done = self.job, 0
        total = sum(parts(stack, card) for stack in self.stacks)
        for index, (known, stack) in enumerate(zip(self.before, self.stacks, strict=True)):
            sure = Confidence(stack, card, job.reference(index))
            seen = self.outputs.known(network, stack, way_of(card))
            for part in predicted(network, stack, card, watch=sure, known=seen):
                if not isinstance(part, np.ndarray):
                    yield self.progress("after", done + part[0], total)
                    continue
                said = None
                if job.config.guard:
                    said = unchanged() if advice is None else advice[index]
                    if np.array_equal(known.before, part):
                        said = unchanged(said, marked=bool(part.any()))
                    elif advice is not None:
                        said = with_volumes(said, known.before, part, known.case)
                yield dataclasses.replace(
                    known,
                    after=part,
                    recommendation=said,
                    calibration_after=sure.calibration,
                    uncertainty=sure.uncertainty,
                )
            done += parts(stack, card)

    def in_pieces(self) -> bool:
        """Whether any of the source model's masks has several pieces, and so may lose one."""
        pairs = zip(self.stacks, self.before, strict=True)
        return any(pieces_in(stack.stacked(known.before)) > 1 for stack, known in pairs)

    def looked_again(
        self, source: nn.Module, card: ModelCard, advice: Sequence[Recommendation], useless: float
    ) -> Generator[Event, None, list[CaseResult] | None]:
        """The source model's masks without the pieces that it does not find again.

        Parameters
        ----------
        source : nn.Module
        card : ModelCard
            The source model's, with a second look.
        advice : sequence of Recommendation
            On another mask of each case.
        useless : float
            Expected Dice below which a mask is not to be trusted.

        Returns
        -------
        list of CaseResult or None
            None where all pieces are found again.
        """
        less: list[Labels] = []
        total = sum(parts(stack, card) for stack in self.stacks)
        for known, stack in zip(self.before, self.stacks, strict=True):
            for part in looked_at_again(source, stack, card, known.before):
                if isinstance(part, np.ndarray):
                    less.append(part)
                else:
                    yield self.progress("after", 0, total)
        if all(np.array_equal(known.before, mask) for known, mask in zip(self.before, less, strict=True)):
            return None
        # The masks are there; how sure the network was of them is told beside.
        once = card.model_copy(update={"second_look": False})
        found = yield from collected(self.made(source, once, None))
        return [
            dataclasses.replace(
                result,
                after=mask,
                recommendation=without_pieces(said, result.before, mask, result.case, useless),
            )
            for said, result, mask in zip(advice, found, less, strict=True)
        ]


def collected(work: Iterator[Event | CaseResult]) -> Generator[Event, None, list[CaseResult]]:
    """The results among what is told; the events are handed on."""
    found = []
    for part in work:
        if isinstance(part, CaseResult):
            found.append(part)
        else:
            yield part
    return found
