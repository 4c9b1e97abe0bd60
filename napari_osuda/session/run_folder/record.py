"""``run.json``: what a run was and what came out of it, as one typed record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from napari_osuda.errors import CaseError
from napari_osuda.evaluation import Calibration, RegionScore
from napari_osuda.files import RUN_FILE
from napari_osuda.session.advice import Decision, removed_by
from napari_osuda.session.job import IterationReason, Outcome
from napari_osuda.session.notes import Note, NoteKind
from napari_osuda.session.run_folder.documents import (
    FileName,
    RunDocument,
    present_settings,
    read_document,
    write_document,
)

__all__ = [
    "CaseRecord",
    "InputRecord",
    "RunRecord",
    "read_record",
    "with_note",
    "write_record",
]

# 1 had no number. 2 says why an earlier iteration was used, and of what kind each note is.
_FORMAT = 2

_Value = Annotated[int, Field(ge=0, le=2**16 - 1)]
_Color = Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")]
_Row = tuple[float, float, float, float]


class ReasonRecord(RunDocument):
    """One reason of a recommendation, as data."""

    kind: str
    region: str | None = None
    figures: dict[str, float | str] = Field(default_factory=dict)
    case: str | None = None


class ExpectedRecord(RunDocument):
    """A Dice that is expected, with the interval that holds it in 9 of 10 cases."""

    dice: float
    low: float
    high: float


class RegionAdviceRecord(RunDocument):
    """What is recommended for one region."""

    decision: Decision
    expected_dice_before: ExpectedRecord | None = None
    expected_dice_after: ExpectedRecord | None = None


class AdviceRecord(RunDocument):
    """What the guard recommends, for the whole or for a case: why, in words and as data."""

    decision: Decision
    reasons: tuple[str, ...] = ()
    evidence: tuple[ReasonRecord, ...] = ()
    regions: dict[str, RegionAdviceRecord] = Field(default_factory=dict)
    signals: dict[str, Any] | None = None

    @property
    def removed(self) -> int:
        """How many pieces of the original mask the second look has removed."""
        return removed_by((reason.kind, reason.figures) for reason in self.evidence)


class InputRecord(RunDocument):
    """An image that the network was given; ``path`` and ``sha256`` are None for a layer of a viewer."""

    channel: str
    title: str | None = None
    path: str | None = None
    sha256: str | None = None
    shape: tuple[int, ...]
    affine: tuple[_Row, _Row, _Row, _Row]
    resampled: bool = False
    covered: float = 1.0


class PreparationRecord(RunDocument):
    """What was done to the images of a case: see `napari_osuda.imaging.choices.Preparation`."""

    reference_grid: str = ""
    bias_field: bool = False
    brain_mask: str | None = None
    brain_mask_sha256: str | None = None
    extract_brain: bool = False
    brain_share: float | None = None


class CaseRecord(RunDocument):
    """A case: its images, the guard's recommendation, and scores where a reference was given."""

    name: FileName
    inputs: tuple[InputRecord, ...]
    preparation: PreparationRecord | None = None
    recommendation: AdviceRecord | None = None
    scores_before: dict[str, RegionScore] = Field(default_factory=dict)
    scores_after: dict[str, RegionScore] = Field(default_factory=dict)
    calibration_before: Calibration | None = None
    calibration_after: Calibration | None = None


class CardRecord(RunDocument):
    """The model card, as far as a run folder's reader needs it; all else of it is kept as it stands."""

    name: str = "Model"
    plane: Literal["axial", "coronal", "sagittal", "volume"] = "axial"
    labels: dict[_Value, str] = Field(min_length=1)
    colours: dict[_Value, _Color] = Field(default_factory=dict)
    regions: dict[str, tuple[_Value, ...]] = Field(default_factory=dict)


class ModelRecord(RunDocument):
    """The source model."""

    path: str | None = None
    sha256: str | None = None
    form: str | None = None
    notes: tuple[str, ...] = ()
    card: CardRecord


class RunRecord(RunDocument):
    """All that ``run.json`` says.

    Attributes
    ----------
    format : int
        Number of the form of the record.
    run_id : str or None
        The same for the files of one run, and of no other.
    config : dict
        The settings.
    notes, note_kinds : tuple of str, tuple of NoteKind
        What there is to tell, and of what kind each note is.
    iterations_done, iteration_used : int
        Of how many the training consisted, and the outcome of which of them is the result.
    iteration_reason : IterationReason or None
        Why that is an earlier one; None where it is the last, or nobody wrote down why.
    """

    format: Literal[2] = 2
    run_id: str | None = None
    version: str
    method: str
    config: dict[str, Any]
    seed: int | None = None
    device: str = "cpu"
    threads: int | None = None
    started: str
    ended: str
    outcome: Outcome
    error: str | None = None
    notes: tuple[str, ...] = ()
    note_kinds: tuple[NoteKind, ...] = ()
    iterations_done: int = 0
    iteration_used: int = 0
    iteration_reason: IterationReason | None = None
    recommendation: AdviceRecord | None = None
    model: ModelRecord
    cases: tuple[CaseRecord, ...]
    libraries: dict[str, str] = Field(default_factory=dict)

    def case(self, name: str) -> CaseRecord:
        """The case of that name; KeyError if there is none."""
        for case in self.cases:
            if case.name == name:
                return case
        raise KeyError(name)


def read_record(folder: Path | str) -> RunRecord:
    """The record of a run.

    Raises
    ------
    CaseError
        The folder holds none, or it is damaged or of a later version.
    """
    path = Path(folder) / RUN_FILE
    if not path.is_file():
        raise CaseError(f"{folder} is not a run folder: there is no {RUN_FILE} in it.")
    return read_document(path, RunRecord, "the record of a run", _migrated, fault=CaseError)


def write_record(folder: Path, record: RunRecord) -> None:
    """Write the record, whole."""
    write_document(folder / RUN_FILE, record)


def with_note(record: RunRecord, note: Note) -> RunRecord:
    """The record with one note more."""
    return record.model_copy(
        update={"notes": (*record.notes, note.text), "note_kinds": (*record.note_kinds, note.kind)}
    )


def _migrated(document: dict[str, Any]) -> dict[str, Any]:
    """A record of an earlier version in today's form."""
    number = document.get("format", 1)
    if not isinstance(number, int) or number > _FORMAT:
        raise ValueError(f"it has the form {number}, and this version reads {_FORMAT}: update napari-osuda")
    if number == _FORMAT:
        return document
    document = {"iteration_used": document.get("iterations_done", 0), **document, "format": _FORMAT}
    document["note_kinds"] = [NoteKind.OTHER] * len(document.get("notes", ()))
    document["config"] = present_settings(document["config"])
    return document
