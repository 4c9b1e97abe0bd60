"""Many patients with one model, remembered until all are done: napari may be closed meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from napari_osuda.errors import OutputError, printable
from napari_osuda.locks import locked
from napari_osuda.method import AdaptationConfig
from napari_osuda.models import SavedAnswers, SourceModel, load_model
from napari_osuda.models.answers import settings_folder
from napari_osuda.session.cohort.adapting import Adapting
from napari_osuda.session.cohort.group import summarize_cohort
from napari_osuda.session.cohort.patients import patients_in
from napari_osuda.session.cohort.plan import CohortJob
from napari_osuda.session.cohort.record import Outcomes
from napari_osuda.session.cohort.running import run_jobs
from napari_osuda.session.events import Event
from napari_osuda.session.run_folder.documents import (
    RunDocument,
    plain,
    present_settings,
    read_document,
    write_document,
)

__all__ = ["Batch", "BatchProgress", "SavedBatch", "go_through", "read_progress"]

_FILE, _LOCK = "batch.json", ".batch.lock"


class Batch(RunDocument):
    """What is to be done with the patients of a folder."""

    format: Literal[1] = 1
    folder: str
    out: str
    model: str
    method: str
    settings: dict[str, Any]
    device: str = "auto"

    @classmethod
    def of(
        cls, folder: Path, out: Path, model: SourceModel, config: AdaptationConfig, method: str, device: str
    ) -> Batch:
        """What has been chosen now."""
        return cls(
            folder=str(folder), out=str(out), model=str(model.path), method=method, device=device,
            settings=plain(config.to_dict()),
        )  # fmt: skip

    @property
    def config(self) -> AdaptationConfig:
        """Its settings."""
        return AdaptationConfig().replace(**present_settings(self.settings))


@dataclass(frozen=True)
class BatchProgress:
    """How a batch stands.

    Attributes
    ----------
    total, done : int
        Patients (sessions of BIDS).
    failed : tuple of (str, str)
        Name and reason.
    now : str
        Who is worked on; "" where nobody is.
    report : Path or None
        Over all patients.
    neither : tuple of str
        Done patients of whom neither mask is recommended, so that none is written as DICOM-SEG.
    """

    total: int
    done: int = 0
    failed: tuple[tuple[str, str], ...] = ()
    now: str = ""
    report: Path | None = None
    neither: tuple[str, ...] = ()

    @property
    def open(self) -> int:
        """How many have neither been done nor failed."""
        return self.total - self.done - len(self.failed)


class SavedBatch:
    """The batch that is not finished, in ``batch.json`` of the settings folder.

    Parameters
    ----------
    folder : Path, optional
        The user's settings folder without it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.path = (settings_folder() if folder is None else folder) / _FILE

    def read(self) -> Batch | None:
        """The batch; None where there is none that can be read."""
        try:
            return read_document(self.path, Batch, "the waiting batch") if self.path.is_file() else None
        except OutputError:
            return None

    def keep(self, batch: Batch) -> None:
        """Keep a batch in place of an earlier one.

        Raises
        ------
        OutputError
            The settings folder cannot be written to.
        """
        with locked(self.path.parent, _LOCK, wait=5.0):
            try:
                write_document(self.path, batch)
            except OSError as error:
                raise OutputError(f"{self.path} cannot be written: {error.strerror or error}.") from error

    def forget(self, batch: Batch) -> None:
        """Keep nothing of a batch any longer, unless another has taken its place."""
        with locked(self.path.parent, _LOCK, wait=5.0):
            if self.read() == batch:
                self.path.unlink(missing_ok=True)


def read_progress(batch: Batch) -> BatchProgress:
    """How far a batch came, by what its output folder holds; raises CaseError where the patients are gone."""
    return _standing(batch, Outcomes(Path(batch.out)))


def go_through(
    batch: Batch, stopping: Callable[[], bool], model: SourceModel | None = None
) -> Iterator[BatchProgress]:
    """Adapt to each patient that is not done; it is told before each, and at the end.

    Parameters
    ----------
    batch : Batch
    stopping : callable
        Asked after each iteration: a run that is left there goes on the next time.
    model : SourceModel, optional
        The batch's, where it has been read already.

    Raises
    ------
    OsudaError
        The model, the folder or the output cannot be used. What fails of one patient is told of that one.
    """
    folder, out = Path(batch.folder), Path(batch.out)
    jobs, outcomes = patients_in(folder), Outcomes(out)
    if model is None:
        memory = SavedAnswers()
        model = load_model(batch.model, memory=memory, trust=memory.trusted())

    def watch(_: Event) -> None:
        if stopping():
            raise _Left

    work = Adapting(
        folder, out, model, batch.config, method=batch.method, device=batch.device, substitutes=True,
        on_event=watch,
    )  # fmt: skip
    work.prepare()
    progress = _standing(batch, outcomes)
    try:
        for job in jobs:
            if stopping():
                break
            yield replace(progress, now=job.name, report=None)
            list(run_jobs([job], work, outcomes))
            progress = _standing(batch, outcomes, jobs)
    except _Left:
        pass
    report = summarize_cohort(jobs, outcomes, f"Patients of {printable(folder.name)}").report
    yield replace(progress, report=report)


class _Left(BaseException):
    """Leaves a run where it is; no failure of its patient."""


def _standing(batch: Batch, outcomes: Outcomes, jobs: list[CohortJob] | None = None) -> BatchProgress:
    jobs = patients_in(Path(batch.folder)) if jobs is None else jobs
    found = [(job, outcomes.of(job)) for job in jobs]
    done = sum(outcome is not None and outcome.state == "done" for _, outcome in found)
    failed = tuple(
        (job.name, outcome.error or "") for job, outcome in found if outcome and outcome.state == "failed"
    )
    neither = tuple(job.name for job, outcome in found if outcome and outcome.neither)
    report = outcomes.out / "report.html"
    return BatchProgress(
        len(jobs), done, failed, report=report if report.is_file() else None, neither=neither
    )
