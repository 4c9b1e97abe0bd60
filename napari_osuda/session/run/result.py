"""What a run ends with."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from napari_osuda.evaluation import RegionScore, evaluate
from napari_osuda.session.job import CaseResult, IterationReason, Job, Labels

__all__ = ["Chosen", "classes_of", "scored"]


@dataclasses.dataclass(frozen=True)
class Chosen:
    """Of which iteration a result is, where that is not the last, and why."""

    iteration: int
    reason: IterationReason


def classes_of(job: Job) -> tuple[tuple[int, str, str], ...]:
    """For each output channel, in order: value in the mask, name, color."""
    card = job.model.card
    return tuple((v, card.labels.get(v, str(v)), card.color_of(v)) for v in card.channel_values)


def scored(cases: Iterable[CaseResult], job: Job) -> tuple[CaseResult, ...]:
    """The cases with the scores of their masks, where the job has a reference."""
    found = []
    for index, case in enumerate(cases):
        reference = job.reference(index)
        if reference is not None:
            case = dataclasses.replace(
                case,
                scores_before=_scores(case.before, reference, case, job),
                scores_after=() if case.after is None else _scores(case.after, reference, case, job),
            )
        found.append(case)
    return tuple(found)


def _scores(labels: Labels, reference: np.ndarray, case: CaseResult, job: Job) -> tuple[RegionScore, ...]:
    card = job.model.card
    known = tuple(card.labels)
    return tuple(evaluate(labels, reference, case.case.grid.affine, card.scored_regions, known))
