"""What a run tells while it goes: small frozen snapshots, in this order.

Started, Progress..., Before for each case, Step for each iteration, After for each case, Finished.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from napari_osuda.method import NormLayer, StepReport
from napari_osuda.session.job import Labels, Recommendation, RunResult
from napari_osuda.session.notes import Note

__all__ = ["After", "Before", "Event", "Finished", "Note", "Progress", "Stage", "Started", "Step"]

Stage = Literal["before", "adapt", "statistics", "after", "guard", "writing"]


@dataclass(frozen=True)
class Started:
    """The job has passed its pre-flight checks.

    ``classes`` maps each output channel, in order, to (value in the mask, name, color).
    """

    layers: tuple[NormLayer, ...]
    iterations: int
    device: str
    classes: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True)
class Progress:
    """How far a stage is; ``seconds_left`` is of the whole run, None while nothing is known yet."""

    stage: Stage
    done: int
    total: int
    seconds_left: float | None


@dataclass(frozen=True)
class Before:
    """The source model's mask of a case, [I, J, K] in its own array order."""

    index: int
    labels: Labels


@dataclass(frozen=True)
class Step:
    """One iteration's report."""

    report: StepReport


@dataclass(frozen=True)
class After:
    """The adapted model's mask of a case, [I, J, K], and what the guard makes of it."""

    index: int
    labels: Labels
    recommendation: Recommendation | None


@dataclass(frozen=True)
class Finished:
    """The end, also of a stopped or failed run."""

    result: RunResult


Event = Started | Progress | Note | Before | Step | After | Finished
