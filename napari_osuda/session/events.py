"""What a run tells while it goes: small frozen snapshots, in this order.

Started, Progress..., Before for each case, Step for each iteration, After for each case, Finished.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from napari_osuda.method import NormLayer, StepReport
from napari_osuda.session.job import Labels, Recommendation, RunResult
from napari_osuda.session.notes import Note

__all__ = [
    "After",
    "Before",
    "Event",
    "Finished",
    "IntensityChange",
    "Note",
    "Progress",
    "Stage",
    "Started",
    "Step",
]

Stage = Literal["before", "adapt", "statistics", "after", "guard", "writing"]


@dataclass(frozen=True, eq=False)
class IntensityChange:
    """What becomes of a channel's intensities before the network sees them, in standard scores of the head.

    Attributes
    ----------
    channel : str
    scores, share : float32 array [B]
        Middle of each bin, and the share of the head in it.
    beginning, now : float32 array [B]
        What the scores become by the curve's beginning, and by the curve of this run.
    """

    channel: str
    scores: npt.NDArray[np.float32]
    share: npt.NDArray[np.float32]
    beginning: npt.NDArray[np.float32]
    now: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Started:
    """The job has passed its pre-flight checks.

    ``classes`` maps each output channel, in order, to (value in the mask, name, color). ``intensities`` is
    empty where the images go to the network as they are.
    """

    layers: tuple[NormLayer, ...]
    iterations: int
    device: str
    classes: tuple[tuple[int, str, str], ...]
    intensities: tuple[IntensityChange, ...] = ()


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
