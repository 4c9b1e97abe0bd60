"""What is said of many patients; a decision is made on data and only worded here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_osuda.session.cohort.batch import BatchProgress

__all__ = ["BUSY_BATCH", "exception_words", "found_words", "left_words", "progress_words", "stand_in_words"]

ABOUT = (
    "Adapts to each patient in a folder, one after the other, with the model and the settings above. "
    "Each has a folder of images; BIDS works too."
)
CHOOSE_TIP = "A folder with one folder of images for each patient, or a BIDS dataset"
START_TIP = "Begins with the first patient that is not done. napari can be closed; the batch goes on later."
STOP_TIP = "Stops after this iteration. The patient is resumed when the batch goes on."
REMOVE_TIP = "Forgets the batch. What it has written stays."
NO_FOLDER = "Choose a folder first."
NO_MODEL = "Choose a source model first."
A_RUN = "A run is under way."
RUNNING = "The batch is running."
NOT_RUNNING = "The batch is not running."
NO_REPORT = "There is no report yet."
READING = "Looking for patients…"
DEEPER = "Choose one of its folders"
DEEPER_TIP = "Takes a folder of this one as the folder with the patients"
STOPPING = "Stopping after this iteration…"
BUSY_BATCH = "a batch of patients is running"

_SHOWN, _NAMED = 3, 6
MOST_OFFERED = 30


def found_words(folder: str, names: Sequence[str], out: str) -> str:
    """Who has been found, so that one sees whether the folder is the right one, and where results go."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    listed = ", ".join(names[:_NAMED]) + more
    return f"{_patients(len(names))} in {folder}: {listed}. Results go to {out}."


def stand_in_words(contrast: str, channel: str, patients: Sequence[str], *, converted: bool) -> str:
    """That patients have another contrast than the model's, and what is done for it."""
    more = f" and {len(patients) - _NAMED} more" if len(patients) > _NAMED else ""
    listed = ", ".join(patients[:_NAMED]) + more
    done = "Its brightness is converted." if converted else "Its brightness stays as it is."
    return f"{contrast.upper()} is used in place of {channel.upper()} ({listed}). {done}"


def progress_words(progress: BatchProgress) -> str:
    """How a batch stands."""
    said = f"{progress.done} of {_patients(progress.total)} done"
    said += f", {len(progress.failed)} failed" if progress.failed else ""
    said += f". Now: {progress.now}" if progress.now else ""
    return said + "."


def failed_words(failed: Sequence[tuple[str, str]]) -> str:
    """Who failed, and why, the first of them."""
    said = [f"{name}: {why}" for name, why in failed[:_SHOWN]]
    more = len(failed) - len(said)
    return " ".join(said) + (f" {more} more are in the report." if more > 0 else "")


def neither_words(names: Sequence[str]) -> str:
    """Of whom neither mask is recommended, and what that means for what is written."""
    if not names:
        return ""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    listed = ", ".join(names[:_NAMED]) + more
    return f"Neither mask is recommended: {listed}. No DICOM-SEG is written there: mark by hand."


def exception_words(progress: BatchProgress) -> str:
    """Who failed, and of whom neither mask is recommended."""
    return " ".join(filter(None, (failed_words(progress.failed), neither_words(progress.neither))))


def left_words(folder: str, progress: BatchProgress) -> str:
    """That an earlier batch is not finished."""
    return f"Not finished: the batch of {folder}. {progress_words(progress)}"


def _patients(count: int) -> str:
    return f"{count} {'patient' if count == 1 else 'patients'}"
