"""Runs that a crash, a kill or a closed window has left unfinished, and how to take them up again."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_osuda.errors import OutputError
from napari_osuda.imaging import Case, read_case
from napari_osuda.method import AdaptationConfig
from napari_osuda.models import ModelCard, load_model
from napari_osuda.session.job import Job
from napari_osuda.session.run_folder.checkpoint import held_here

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
    """

    folder: Path
    cases: tuple[str, ...]
    resumable: bool
    interrupted: bool
    saved: float
    record: dict[str, Any]

    @property
    def iterations(self) -> tuple[int, int]:
        """Iterations done by its last state, and in all."""
        return int(self.record.get("done", 0)), int(self.record["settings"]["iterations"])

    def forget(self) -> None:
        """Delete what it would take to go on; masks that it has written stay."""
        for name in ("checkpoint", "timeline"):
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
        # With the answers that a person gave to what the model's files leave open, the class among them.
        card = ModelCard.model_validate(self.record["card"]) if "card" in self.record else None
        overrides: dict[str, Any] = {"defaults": True}
        if card is not None and card.architecture is not None:
            overrides |= {"architecture": card.architecture, "kwargs": card.architecture.kwargs}
        model = load_model(self.record["model_path"], trust=trust, overrides=overrides)
        if card is not None:
            model = dataclasses.replace(model, card=card)
        cases = tuple(_read_again(entry, model.card.channels) for entry in self.record["files"])
        return Job(
            model=model,
            cases=cases,
            config=AdaptationConfig().replace(**self.record["settings"], **self.record.get("free", {})),
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
            folder = path.parent.parent
            if _alive(int(record["process"]), folder):
                continue
            files = [file for entry in record["files"] for file in entry["channels"].values()]
            names = tuple(entry["case"] for entry in record["files"])
            saved, told = path.stat().st_mtime, folder / "run.json"
            interrupted = not told.is_file() or told.stat().st_mtime < saved
        except (OSError, ValueError, KeyError, TypeError):
            # Not a checkpoint of ours, or of a version that wrote another record.
            continue
        found.append(Unfinished(folder, names, all(files), interrupted, saved, record))
    return sorted(found, key=lambda run: -run.saved)


def _read_again(entry: Mapping[str, Any], channels: Sequence[str]) -> Case:
    """A case of the record, its images called as they were then: that says which contrasts they are."""
    case = read_case(entry["channels"], channels, name=entry["case"])
    titles = entry.get("titles", {})
    sources = tuple(dataclasses.replace(s, title=titles.get(s.channel, "")) for s in case.sources)
    return dataclasses.replace(case, sources=sources)


def _alive(process: int, folder: Path) -> bool:
    if process == os.getpid():
        # Either it is this very program's run, or one of an earlier program that had the same number.
        return held_here(folder)
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True
