"""What is asked of the session, and what comes back."""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from torch import nn

from napari_osuda.evaluation import Calibration, RegionScore
from napari_osuda.imaging import Case, IntensityMap
from napari_osuda.method import AdaptationConfig, NormLayer, StepReport
from napari_osuda.method.rivals import Wrapped
from napari_osuda.models import ModelCard, SourceModel
from napari_osuda.session.advice import Recommendation, combined
from napari_osuda.session.notes import Note

__all__ = [
    "CaseResult",
    "Contrast",
    "IterationReason",
    "Job",
    "Labels",
    "Outcome",
    "Recommendation",
    "RunResult",
]

Labels = npt.NDArray[np.uint8]
Outcome = Literal["done", "stopped", "failed"]
Contrast = Literal["converted", "unchanged"]
"""What became of an image whose name says that another contrast stands in for the model's."""


class IterationReason(enum.StrEnum):
    """Why a result is of an earlier iteration than the last; the value stands in ``run.json``."""

    COLLAPSE = "collapse"
    GUARD = "guard"
    PERSON = "person"


@dataclass(frozen=True)
class Job:
    """One adaptation: a source model, a target domain of one or more cases, settings.

    Attributes
    ----------
    model : SourceModel
        Its network is copied, never changed.
    cases : tuple of Case
        Adapted to together.
    config : AdaptationConfig
        Settings; ``method`` only names where they came from.
    references : tuple
        For each case a label volume [I, J, K] on its grid, or None: for scores only, never for decisions.
    device : {"auto", "cpu", "cuda", "mps"}
        "auto" takes a GPU where there is one.
    out : Path or None
        Run folder; None writes nothing.
    resume : bool
        Go on with the unfinished run in ``out``.
    """

    model: SourceModel
    cases: tuple[Case, ...]
    config: AdaptationConfig = field(default_factory=AdaptationConfig)
    method: str = "osuda"
    references: tuple[npt.NDArray[Any] | None, ...] = ()
    device: str = "auto"
    out: Path | None = None
    resume: bool = False

    def reference(self, index: int) -> npt.NDArray[Any] | None:
        """The label volume of a case, if there is one."""
        return self.references[index] if index < len(self.references) else None


@dataclass(frozen=True)
class CaseResult:
    """Masks of one case [I, J, K] uint8 in its own array order, and scores where a reference was given.

    ``after`` is None where the run ended before it could be made. ``uncertainty`` is the normalized entropy
    [I, J, K] of the adapted model's prediction, 0 (sure) to 1.
    """

    case: Case
    before: Labels
    after: Labels | None
    recommendation: Recommendation | None = None
    scores_before: tuple[RegionScore, ...] = ()
    scores_after: tuple[RegionScore, ...] = ()
    calibration_before: Calibration | None = None
    calibration_after: Calibration | None = None
    uncertainty: npt.NDArray[np.float16] | None = None


@dataclass(frozen=True)
class RunResult:
    """All that a run leaves behind, whole or partial (``outcome`` says which).

    ``iteration`` is the one whose state is the result, and ``iteration_reason`` says why: a person chose it,
    the guard fell back to iteration 0, or training was ended by a collapse. Both are None where it is the
    last. ``card`` is the adapted model's; None where it is the source model's.
    """

    outcome: Outcome
    job: Job
    device: str
    network: nn.Module | None
    cases: tuple[CaseResult, ...]
    reports: tuple[StepReport, ...]
    layers: tuple[NormLayer, ...]
    started: str
    ended: str
    error: str | None = None
    notes: tuple[Note, ...] = ()
    intensity_maps: tuple[IntensityMap, ...] | None = None
    card: ModelCard | None = None
    iteration: int | None = None
    iteration_reason: IterationReason | None = None

    @property
    def has_model(self) -> bool:
        """Whether there is an adapted model that can be saved: not of a method that adapts as it predicts."""
        return self.network is not None and not isinstance(self.network, Wrapped)

    @property
    def adapted_model(self) -> SourceModel:
        """The source model with the adapted model's card: maps and averaging belong to a network as well."""
        return dataclasses.replace(self.job.model, card=self.card or self.job.model.card)

    @property
    def folder(self) -> Path | None:
        """The run folder, if one was asked for."""
        return self.job.out

    @property
    def recommendation(self) -> Recommendation | None:
        """The cases' recommendations as one: that of the worst."""
        return combined([(c.case.name, c.recommendation) for c in self.cases if c.recommendation is not None])
