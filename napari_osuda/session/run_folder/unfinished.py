"""Runs that a crash, a kill or a closed window has left unfinished, and how to take them up again."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_osuda.errors import OsudaError, OutputError
from napari_osuda.files import RUN_FILE
from napari_osuda.imaging import Case
from napari_osuda.locks import is_locked
from napari_osuda.session.job import Job
from napari_osuda.session.run_folder.checkpoint import CHECKPOINT, saved_states
from napari_osuda.session.run_folder.job_record import FileRecord, JobRecord, read_job_record
from napari_osuda.session.run_folder.rerun import reread_case, reread_model

__all__ = ["Unfinished", "find_unfinished"]


@dataclass(frozen=True)
class Unfinished:
    """A run folder with a checkpoint that no living process is writing.

    Attributes
    ----------
    folder : Path
        The run folder.
    cases : tuple of str
        Names of its cases.
    resumable : bool
        Whether model and images can be read again from files; arrays from a viewer cannot.
    interrupted : bool
        Whether it was cut off; otherwise it was stopped, or failed, and has told what it had by then.
    saved : float
        When its state was written, in seconds since 1970.
    iterations : tuple of int
        Iterations done by its last state, and in all.
    """

    folder: Path
    cases: tuple[str, ...]
    resumable: bool
    interrupted: bool
    saved: float
    iterations: tuple[int, int]
    record: JobRecord

    def forget(self) -> None:
        """Delete what it would take to go on; masks that it has written stay."""
        for name in (CHECKPOINT, "timeline"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def job(self, *, trust: bool | Collection[str] = False) -> Job:
        """The job to go on with.

        Raises
        ------
        OsudaError
            The model or an image is no longer where it was, or has changed.
        """
        if not self.resumable:
            raise OutputError(
                f"The run in {self.folder} cannot be resumed: its images were not read from files."
            )
        record = self.record
        model = reread_model(record.model_path, record.card, trust=trust)
        return Job(
            model=model,
            cases=tuple(_read_again(entry, model.card.channels) for entry in record.files),
            config=record.config,
            method=record.method,
            device=record.device,
            out=self.folder,
            resume=True,
        )


def find_unfinished(parent: Path) -> list[Unfinished]:
    """The unfinished runs among the folders in ``parent``, the newest first."""
    found = []
    for folder in sorted(parent.iterdir()) if parent.is_dir() else ():
        try:
            run = _unfinished(folder)
        except (OSError, OsudaError):
            # Not a checkpoint of ours, or damaged: the others are to be found all the same.
            continue
        if run is not None:
            found.append(run)
    return sorted(found, key=lambda run: -run.saved)


def _unfinished(folder: Path) -> Unfinished | None:
    states = saved_states(folder)
    if not states or is_locked(folder):
        return None
    record = read_job_record(folder / CHECKPOINT)
    files = [file for entry in record.files for file in entry.channels.values()]
    names = tuple(entry.case for entry in record.files)
    saved, run_json = states[0].stat().st_mtime, folder / RUN_FILE
    interrupted = not run_json.is_file() or run_json.stat().st_mtime < saved
    iterations = record.done, record.config.iterations
    # A mask that was a layer of a viewer is gone with it.
    gone = any(entry.preparation.brain_layer for entry in record.files)
    return Unfinished(folder, names, all(files) and not gone, interrupted, saved, iterations, record)


def _read_again(entry: FileRecord, channels: Sequence[str]) -> Case:
    files = {channel: path for channel, path in entry.channels.items() if path is not None}
    return reread_case(entry.case, files, entry.titles, channels, entry.preparation.chosen)
