"""Runs that a crash, a kill or a closed window has left unfinished, and how to take them up again."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_osuda.errors import OutputError
from napari_osuda.imaging import read_case
from napari_osuda.method import AdaptationConfig
from napari_osuda.models import load_model
from napari_osuda.session.job import Job

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
    """

    folder: Path
    cases: tuple[str, ...]
    resumable: bool
    record: dict[str, Any]

    def job(self, *, trust: bool = False) -> Job:
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
        model = load_model(self.record["model_path"], trust=trust)
        cases = tuple(
            read_case(entry["channels"], model.card.channels, name=entry["case"])
            for entry in self.record["files"]
        )
        return Job(
            model=model,
            cases=cases,
            config=AdaptationConfig(**self.record["settings"]),
            method=self.record["method"],
            device=self.record["device"],
            out=self.folder,
            resume=True,
        )


def find_unfinished(place: Path) -> list[Unfinished]:
    """The unfinished runs among the folders in ``place``, the newest first."""
    found = []
    for path in place.glob("*/checkpoint/state.pt"):
        try:
            record = json.loads((path.parent / "job.json").read_text(encoding="utf-8"))
            if _alive(int(record["process"])):
                continue
            files = [file for entry in record["files"] for file in entry["channels"].values()]
            names = tuple(entry["case"] for entry in record["files"])
        except (OSError, ValueError, KeyError, TypeError):
            # Not a checkpoint of ours, or of a version that wrote another record.
            continue
        folder = path.parent.parent
        found.append((path.stat().st_mtime, Unfinished(folder, names, all(files), record)))
    return [run for _, run in sorted(found, key=lambda pair: -pair[0])]


def _alive(process: int) -> bool:
    if process == os.getpid():
        # Either it is this very program's run, or one of an earlier program that had the same number.
        return True
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True
