"""What has become of a job: ``jobs/sub-01.json`` in the output, written once all else of it is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from napari_osuda.errors import OsudaError, OutputError
from napari_osuda.files import path_inside, sha256_of
from napari_osuda.imaging import digest_of
from napari_osuda.method import AdaptationConfig
from napari_osuda.models import SourceModel
from napari_osuda.session.cohort.plan import CohortJob
from napari_osuda.session.run_folder.documents import (
    FileName,
    RunDocument,
    plain,
    read_document,
    write_document,
)
from napari_osuda.session.run_folder.job_record import FREE
from napari_osuda.session.run_folder.record import AdviceRecord

__all__ = [
    "CaseOutcome",
    "CohortRecord",
    "InputFile",
    "JobOutcome",
    "Outcomes",
    "read_cohort",
    "require_same_cohort",
]

State = Literal["done", "failed"]
_COHORT = "cohort.json"


class InputFile(RunDocument):
    """An image that a job has read: whether it is the same still is seen without reading it."""

    path: str
    size: int
    modified_ns: int
    sha256: str | None

    @classmethod
    def of(cls, path: Path, sha256: str | None) -> InputFile:
        """The file as it is now."""
        stat = path.stat()
        return cls(path=str(path), size=stat.st_size, modified_ns=stat.st_mtime_ns, sha256=sha256)

    @property
    def unchanged(self) -> bool:
        """Whether the file is the same as then; a copy of the same content is."""
        path = Path(self.path)
        try:
            stat = path.stat()
            if (stat.st_size, stat.st_mtime_ns) == (self.size, self.modified_ns):
                return True
            return stat.st_size == self.size and self.sha256 in (sha256_of(path), digest_of(path))
        except (OSError, ValueError, OsudaError):
            return False


class CaseOutcome(RunDocument):
    """What has become of one session.

    Attributes
    ----------
    volumes_before, volumes_after : dict of str to float
        Of each region, ml.
    masks : dict of str to str
        Paths in the output: "before", "adapted".
    substituted : dict of str to str
        Channel, and the contrast that stands in for its own.
    converted : bool or None
        Whether the brightness of such an image was converted; None where there is none.
    """

    name: FileName
    participant: str
    session: str | None = None
    inputs: tuple[InputFile, ...] = ()
    recommendation: AdviceRecord | None = None
    volumes_before: dict[str, float] = Field(default_factory=dict)
    volumes_after: dict[str, float] = Field(default_factory=dict)
    masks: dict[str, str] = Field(default_factory=dict)
    substituted: dict[str, str] = Field(default_factory=dict)
    converted: bool | None = None


class JobOutcome(RunDocument):
    """What has become of one job."""

    format: Literal[1] = 1
    name: FileName
    state: State
    error: str | None = None
    tries: int = 1
    ended: str
    seconds: float | None = None
    cases: tuple[CaseOutcome, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def neither(self) -> bool:
        """Whether it is done, and of some session neither mask is recommended."""
        given = (case.recommendation for case in self.cases)
        return self.state == "done" and any(advice and advice.decision == "neither" for advice in given)


class CohortRecord(RunDocument):
    """``cohort.json``: what all jobs of an output folder have in common.

    Attributes
    ----------
    model : str
        SHA-256.
    method : str
    settings : dict
    together : str or None
        The column of ``participants.tsv`` whose value patients of one target share.
    """

    format: Literal[1] = 1
    model: str
    method: str
    settings: dict[str, Any]
    together: str | None = None


class Outcomes:
    """The outcomes of jobs, in the folder ``jobs`` of an output folder."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.folder = out / "jobs"

    def of(self, job: CohortJob) -> JobOutcome | None:
        """The outcome of a job; None where there is none that can be read: the job is done again then."""
        path = self._path(job)
        try:
            return read_document(path, JobOutcome, "the outcome of a job") if path.is_file() else None
        except OutputError:
            return None

    def write(self, job: CohortJob, outcome: JobOutcome) -> None:
        """Write the outcome of a job, whole; raises OSError where the disk is full."""
        write_document(self._path(job), outcome)

    def finished(self, job: CohortJob) -> bool:
        """Whether a job is done, its masks are there, and its images are the same as then."""
        outcome = self.of(job)
        if outcome is None or outcome.state != "done":
            return False
        if {case.name for case in outcome.cases} != {session.name for session in job.sessions}:
            return False
        return all(
            all((self.out / mask).is_file() for mask in case.masks.values())
            and all(image.unchanged for image in case.inputs)
            for case in outcome.cases
        )

    def _path(self, job: CohortJob) -> Path:
        return path_inside(self.folder, f"{job.name}.json")


def read_cohort(out: Path) -> CohortRecord:
    """What the jobs of an output folder have in common.

    Raises
    ------
    OutputError
        No job has been begun there, or its record is damaged.
    """
    path = out / _COHORT
    if not path.is_file():
        raise OutputError(f"{out} holds no cohort yet. Run the level participant first.")
    return read_document(path, CohortRecord, "the record of a cohort")


def require_same_cohort(
    out: Path, model: SourceModel, method: str, config: AdaptationConfig, together: str | None
) -> None:
    """Keep results of other models and settings apart: their masks would stand in one table.

    Raises
    ------
    OutputError
        The output folder holds a cohort of another model, method or settings.
    """
    settings = {
        name: value for name, value in config.to_dict().items() if name not in FREE or name == "guard"
    }
    now = CohortRecord(model=model.sha256, method=method, settings=plain(settings), together=together)
    path = out / _COHORT
    if not path.is_file():
        write_document(path, now)
        return
    then = read_cohort(out)
    what = None
    if then.model != now.model:
        what = "another model"
    elif then.method != now.method:
        what = f"the method {then.method}"
    elif then.together != now.together:
        what = (
            "each session by itself" if then.together is None else f"patients put together by {then.together}"
        )
    else:
        changed = [name for name in settings if then.settings.get(name) != now.settings[name]]
        if changed:
            what = f"{changed[0]}={then.settings.get(changed[0])}"
    if what is not None:
        raise OutputError(
            f"{out} holds a cohort with {what}. Give another output folder, or the same settings."
        )
