"""Scores of many cases in one row a region."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from napari_osuda.evaluation.scores import RegionScore

__all__ = ["RegionSummary", "summarize"]


@dataclass(frozen=True)
class RegionSummary:
    """Mean and sample standard deviation of one region over the cases.

    Dice, sensitivity and precision run over all cases (a failure counts with its 0). ``hd`` and ``hd95`` are
    in mm over the ``cases - failures`` cases that have a distance: read them only beside ``failures``. A
    mean of no case and a standard deviation of fewer than two are ``nan``.
    """

    region: str
    cases: int
    failures: int
    dice_mean: float
    dice_sd: float
    hd_mean: float
    hd_sd: float
    hd95_mean: float
    hd95_sd: float
    sensitivity_mean: float
    sensitivity_sd: float
    precision_mean: float
    precision_sd: float


def summarize(scores: Mapping[str, Sequence[RegionScore]]) -> list[RegionSummary]:
    """Summarize the scores of several cases.

    Parameters
    ----------
    scores : mapping of case name to its RegionScores

    Returns
    -------
    list of RegionSummary
        One a region, in the order in which regions first occur.
    """
    by_region: dict[str, list[RegionScore]] = {}
    for rows in scores.values():
        for row in rows:
            by_region.setdefault(row.region, []).append(row)
    return [_summary(region, rows) for region, rows in by_region.items()]


def _summary(region: str, rows: list[RegionScore]) -> RegionSummary:
    columns: dict[str, float] = {}
    for name in ("dice", "hd", "hd95", "sensitivity", "precision"):
        columns[f"{name}_mean"], columns[f"{name}_sd"] = _mean_and_sd(getattr(row, name) for row in rows)
    failures = sum(row.failure for row in rows)
    return RegionSummary(region=region, cases=len(rows), failures=failures, **columns)


def _mean_and_sd(values: Iterable[float]) -> tuple[float, float]:
    finite = [value for value in values if math.isfinite(value)]
    mean = float(np.mean(finite)) if finite else math.nan
    sd = float(np.std(finite, ddof=1)) if len(finite) > 1 else math.nan
    return mean, sd
