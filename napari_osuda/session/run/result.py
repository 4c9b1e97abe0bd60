"""What a run ends with."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from napari_osuda.evaluation import RegionScore, evaluate
from napari_osuda.session.job import CaseResult, Job, Labels


def classes_of(job: Job) -> tuple[tuple[int, str, str], ...]:
    """For each output channel, in order: value in the mask, name, color."""
    card = job.model.card
    return tuple((v, card.labels.get(v, str(v)), card.colours.get(v, "#999999")) for v in card.channel_values)


def scores_of(labels: Labels, reference: np.ndarray, case: CaseResult, job: Job) -> tuple[RegionScore, ...]:
    """Scores of a mask of the case against its reference, for each region or else each label."""
    card = job.model.card
    regions = card.regions or {name: (v,) for v, name in card.labels.items() if v != 0}
    return tuple(evaluate(labels, reference, case.case.grid.affine, regions, tuple(card.labels)))


def now() -> str:
    """The time in UTC, as it stands in records."""
    return datetime.now(UTC).isoformat(timespec="seconds")
