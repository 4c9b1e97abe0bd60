"""Going through the jobs of a plan: what is done is passed over, and what fails stops nobody."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from napari_osuda.errors import BusyError, OutputError, explain
from napari_osuda.locks import locked
from napari_osuda.session.cohort.plan import CohortJob
from napari_osuda.session.cohort.record import CaseOutcome, JobOutcome, Outcomes
from napari_osuda.session.run_folder.documents import now

__all__ = ["JobStatus", "run_jobs"]

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobStatus:
    """What has become of a job just now.

    Attributes
    ----------
    job : CohortJob
    state : {"done", "skipped", "failed", "busy"}
        Skipped: done before. Busy: another program is at it.
    outcome : JobOutcome or None
        What has been written of it.
    """

    job: CohortJob
    state: Literal["done", "skipped", "failed", "busy"]
    outcome: JobOutcome | None = None


def run_jobs(
    jobs: Iterable[CohortJob], work: Callable[[CohortJob], tuple[CaseOutcome, ...]], outcomes: Outcomes
) -> Iterator[JobStatus]:
    """Do the jobs that are not done, one after the other.

    Parameters
    ----------
    jobs : iterable of CohortJob
        Asked for one at a time.
    work : callable
        Does a job, whatever an earlier try has left; any exception of it is that job's alone.
    outcomes : Outcomes
        Where it is written what has become of each.

    Yields
    ------
    JobStatus
        One for each job.

    Raises
    ------
    OutputError
        Not even the outcome of a job can be written: a full disk would fail all that follow.
    """
    for job in jobs:
        try:
            with locked(outcomes.folder, f".{job.name}.lock", wait=0.1):
                status = _done_once(job, work, outcomes)
        except BusyError:
            status = JobStatus(job, "busy")
        yield status


def _done_once(
    job: CohortJob, work: Callable[[CohortJob], tuple[CaseOutcome, ...]], outcomes: Outcomes
) -> JobStatus:
    if outcomes.finished(job):
        return JobStatus(job, "skipped", outcomes.of(job))
    earlier, began = outcomes.of(job), time.monotonic()
    tries = 1 if earlier is None else earlier.tries + 1
    error: str | None = None
    cases: tuple[CaseOutcome, ...] = ()
    try:
        cases = work(job)
    except Exception as failure:
        _LOGGER.warning("%s failed", job.name, exc_info=True)
        error = explain(failure)
    outcome = JobOutcome(
        name=job.name,
        state="done" if error is None else "failed",
        error=error,
        tries=tries,
        ended=now(),
        seconds=round(time.monotonic() - began, 3),
        cases=cases,
    )
    try:
        outcomes.write(job, outcome)
    except OSError as failure:
        why = "" if error is None else f" {job.name}: {error}"
        raise OutputError(
            f"Nothing more can be written to {outcomes.out} ({failure.strerror or failure}).{why} Make "
            "room and start again: it continues from here."
        ) from failure
    return JobStatus(job, outcome.state, outcome)
