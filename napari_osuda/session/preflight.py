"""What is checked before anything starts, so that a run fails in its first second or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from napari_osuda.errors import CaseError, ConfigError, OutputError, printable
from napari_osuda.evaluation import require_scorable
from napari_osuda.files import PARTIAL, file_name, is_run_folder, name_given_twice
from napari_osuda.imaging import Case, SliceStack, check_case
from napari_osuda.locks import LOCK_FILE
from napari_osuda.method import check_complete
from napari_osuda.models import SourceModel
from napari_osuda.session.inference.case_slices import slice_spec
from napari_osuda.session.inference.sliding_window import require_monai
from napari_osuda.session.job import Job
from napari_osuda.session.run_folder.checkpoint import saved_states
from napari_osuda.session.run_folder.record import read_record
from napari_osuda.session.run_folder.run_log import LOG_FILE

# What rounding leaves of the sum of the shares of all classes.
_WHOLE_BUT_FOR = 0.01

__all__ = ["check_input", "check_job", "check_out", "free_memory"]


def check_input(model: SourceModel, case: Case) -> None:
    """Whether a case can be given to a model.

    Raises
    ------
    CaseError
        It lacks channels, holds NaN or infinite voxels or no brain, or does not fit the network's size.
    """
    if tuple(case.channels) != tuple(model.card.channels):
        raise CaseError(
            f"The model '{model.card.name}' needs the channels {', '.join(model.card.channels)} in this "
            f"order; the case '{case.name}' has {', '.join(case.channels)}."
        )
    check_case(case)
    stack = SliceStack(case, slice_spec(model.card))
    if stack.patch is not None or stack.window is not None:
        require_monai()
    if not stack.foreground.any():
        raise CaseError(f"The case '{case.name}' holds no brain: all of its voxels are 0.")


def check_job(job: Job) -> None:
    """All that can be known to be wrong beforehand.

    Raises
    ------
    OsudaError
        The first thing that is wrong, as a sentence.
    """
    if not job.cases:
        raise CaseError("There is no case to adapt to.")
    _check_ratio(job)
    twice = name_given_twice(case.name for case in job.cases)
    if twice is not None:
        raise CaseError(
            f"Two cases are called '{twice}', and their masks would overwrite each other: rename one's "
            "folder or file."
        )
    _check_names(job)
    card = job.model.card
    for index, case in enumerate(job.cases):
        check_input(job.model, case)
        reference = job.reference(index)
        if reference is not None and reference.shape != case.grid.shape:
            raise CaseError(
                f"The reference of '{case.name}' has {' x '.join(map(str, reference.shape))} voxels, the "
                f"case {' x '.join(map(str, case.grid.shape))}. They must be on the same grid."
            )
        if reference is not None:
            require_scorable(card.scored_regions, reference, known=tuple(card.labels))
    _check_memory(job)
    if job.out is not None:
        check_out(job.out, resume=job.resume)


def _check_names(job: Job) -> None:
    """Refuse what no file can be called, and paths that are no text: records could not tell them."""
    for case in job.cases:
        try:
            file_name(case.name)
            # The longest that is made of it, so that no run fails at its end.
            file_name(f"{case.name}-slices.csv")
        except OutputError as error:
            raise CaseError(f"A case cannot have this name: {error}") from None
    for path in (job.out, job.model.path, *(source.path for case in job.cases for source in case.sources)):
        try:
            str(path).encode("utf-8")
        except UnicodeEncodeError:
            raise CaseError(
                f"The name of {printable(str(path))} is not readable text (UTF-8). Rename the file or folder."
            ) from None


def _check_ratio(job: Job) -> None:
    check_complete(job.method, job.config)
    ratio, card = job.config.class_ratio, job.model.card
    if ratio is None:
        return
    if len(ratio) != len(card.output_channels):
        raise ConfigError(
            f"class_ratio has {len(ratio)} shares; the model '{card.name}' has {len(card.output_channels)} "
            f"output channels ({', '.join(card.output_channels)}), and each needs one."
        )
    if card.activation == "softmax" and abs(sum(ratio) - 1.0) > _WHOLE_BUT_FOR:
        raise ConfigError(
            f"The shares of class_ratio add up to {sum(ratio):.3g}. Each pixel is of one class (the first is "
            f"'{card.output_channels[0]}'), so they add up to 1."
        )


def check_out(folder: Path, *, resume: bool = False) -> None:
    """Whether a run can be written to ``folder``.

    Raises
    ------
    OutputError
        It is a file, cannot be written to, or holds something (and this is not a resumption).
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; give a folder to write the run into.")
    held = folder.is_dir() and any(map(_counts, folder.iterdir()))
    if held and resume and not saved_states(folder):
        raise OutputError(f"There is nothing to resume in {folder}: {_what_is_there(folder)}.")
    if held and not resume:
        raise OutputError(
            f"The folder {folder} is not empty. Give another one, or resume the run that is in it.",
            command="--resume does that.",
        )
    nearest = folder
    while not nearest.exists():
        nearest = nearest.parent
    if not os.access(nearest, os.W_OK):
        raise OutputError(f"Nothing can be written to {nearest}; give a folder that you may write to.")


def _counts(path: Path) -> bool:
    """Whether something in a folder was put there: no lock, no log, nothing left half written."""
    return path.name not in (LOCK_FILE, LOG_FILE) and not path.name.startswith(PARTIAL)


def _what_is_there(folder: Path) -> str:
    if not is_run_folder(folder):
        return "it holds no run"
    try:
        outcome = read_record(folder).outcome
    except CaseError as error:
        return str(error).rstrip(".")
    if outcome == "done":
        return "the run in it is finished"
    return f"the run in it was {outcome}, and its checkpoint is no longer there"


def free_memory() -> int | None:
    """Bytes of memory that a program can still take, where the system tells; else None."""
    try:
        with open("/proc/meminfo", encoding="ascii") as stream:
            fields = dict(line.split(":", 1) for line in stream)
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None


def _check_memory(job: Job) -> None:
    free = free_memory()
    if free is None:
        return
    card = job.model.card
    slices, pixels, voxels, largest = 0, 1, 0, 0
    for case in job.cases:
        stack = SliceStack(case, slice_spec(card))
        slices += int(stack.foreground.sum())
        pixels = max(pixels, int(np.prod(stack.shape)))
        voxels += int(np.prod(case.grid.shape))
        if stack.patch is not None:
            # A volume, what the network makes of it, and that in the case's own voxels.
            largest = max(largest, pixels + 2 * max(pixels, int(np.prod(case.grid.shape))))
    # The slices themselves (patches cover about the volume), two masks a case, and for a volume the output.
    needed = 4 * slices * pixels * len(card.channels) + 2 * voxels + 4 * largest * len(card.output_channels)
    if needed > free:
        raise ConfigError(
            f"Adapting to {len(job.cases)} cases needs about {needed / 2**30:.1f} GB of memory, and "
            f"{free / 2**30:.1f} GB are free. Give fewer cases at a time, or close other programs."
        )
