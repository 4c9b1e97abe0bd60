"""What a run needs to be taken up again after a stop, a crash or a closed window."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from napari_osuda.errors import OutputError
from napari_osuda.method import Adaptation, StepReport
from napari_osuda.session.job import Job
from napari_osuda.session.run_folder.documents import write_document
from napari_osuda.session.run_folder.job_record import (
    first_difference,
    job_identity,
    job_record,
    read_job_record,
)
from napari_osuda.session.run_folder.saved_state import SavedState, read_state, state_of, write_state

__all__ = ["CHECKPOINT", "Checkpoint", "saved_states"]

CHECKPOINT = "checkpoint"
"""The folder in a run folder."""

# The newest, and the one before it: a damaged or half-written one costs a few seconds of work.
_NEWEST, _BEFORE = "state.pt", "state-before.pt"


def saved_states(run_folder: Path) -> list[Path]:
    """The files of the states that a run has left, the newest first."""
    folder = run_folder / CHECKPOINT
    return [folder / name for name in (_NEWEST, _BEFORE) if (folder / name).is_file()]


class Checkpoint:
    """The folder ``checkpoint`` in a run folder: the state of the adaptation, and of what job.

    Parameters
    ----------
    job : Job
    reads_only : bool
        Nothing is written: another process does that.

    Raises
    ------
    OutputError
        The job is to be resumed, and the folder holds a run of other inputs or settings.
    """

    def __init__(self, job: Job, *, reads_only: bool = False) -> None:
        self._job, self._out, self._reads_only = job, job.out, reads_only
        self._identity = job_identity(job)
        if job.resume and self.exists:
            assert job.out is not None
            try:
                self._require_same(read_job_record(job.out / CHECKPOINT).identity)
            except OutputError as error:
                raise self._refusal(str(error).rstrip(".")) from None

    @property
    def exists(self) -> bool:
        """Whether there is a state to go on from."""
        return self._out is not None and bool(saved_states(self._out))

    def save(
        self, adaptation: Adaptation, reports: list[StepReport], watched: dict[str, Any] | None = None
    ) -> None:
        """Write the state, and that of the watch over it; the one before it is kept as well."""
        if self._out is None or self._reads_only:
            return
        folder = self._out / CHECKPOINT
        write_document(folder / "job.json", job_record(self._job, adaptation.t))
        write_state(folder / "next.pt", state_of(adaptation, reports, watched, self._identity))
        if (folder / _NEWEST).is_file():
            os.replace(folder / _NEWEST, folder / _BEFORE)
        os.replace(folder / "next.pt", folder / _NEWEST)

    def restore(self, adaptation: Adaptation) -> tuple[list[StepReport], dict[str, Any] | None]:
        """Put the newest state that is whole into a fresh adaptation of the same job.

        Returns
        -------
        reports : list of StepReport
        watched : dict or None
            What a watch over it knew.

        Raises
        ------
        OutputError
            None of the states can be used.
        """
        assert self._out is not None
        faults = []
        for path in saved_states(self._out):
            try:
                state = read_state(path)
                self._require_same(_identity(state))
                return state.put_into(adaptation)
            except OutputError as error:
                faults.append(str(error).rstrip("."))
        raise self._refusal(faults[0] if faults else "it holds no state")

    def remove(self) -> None:
        """The run is whole: nothing is left to resume."""
        if self._out is not None:
            shutil.rmtree(self._out / CHECKPOINT, ignore_errors=True)

    def _require_same(self, then: dict[str, Any]) -> None:
        found = first_difference(then, self._identity)
        if found is not None:
            raise OutputError(found)

    def _refusal(self, why: str) -> OutputError:
        return OutputError(
            f"The run in {self._out} cannot be resumed: {why}. Give the same model, images and settings, or "
            "run it again in another folder."
        )


def _identity(state: SavedState) -> dict[str, Any]:
    """What a state is of; empty in one of an earlier version, of which ``job.json`` alone tells."""
    if state.identity is None:
        return {}
    try:
        then = json.loads(state.identity)
    except (ValueError, RecursionError):
        then = None
    if not isinstance(then, dict):
        raise OutputError("its state does not say of what run it is")
    return then
