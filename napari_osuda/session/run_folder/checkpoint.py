"""What a run needs to be taken up again after a stop, a crash or a closed window."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_osuda.errors import OutputError
from napari_osuda.files import written_whole
from napari_osuda.imaging import modality_of
from napari_osuda.method import Adaptation, StepReport
from napari_osuda.session.job import Job
from napari_osuda.session.run_folder.documents import plain

__all__ = ["Checkpoint", "held_here"]

# None changes what the iterations compute; threads only by rounding, which a resumption should not forbid.
_FREE = ("threads", "guard", "fallback")
# Folders of runs under way in this very process, by their resolved paths.
_HELD: set[Path] = set()


def held_here(folder: Path) -> bool:
    """Whether a run of this process is writing into this run folder."""
    return folder.resolve() in _HELD


class Checkpoint:
    """The folder ``checkpoint`` in a run folder: the state of the adaptation, and of what job.

    Raises
    ------
    OutputError
        The job is to be resumed, and the folder holds a run of other inputs or settings.
    """

    def __init__(self, job: Job) -> None:
        self._folder = None if job.out is None else job.out / "checkpoint"
        self._identity = _identity(job)
        self._record = self._identity | _recipe(job)
        if job.resume and self.exists:
            self._check_same()

    @property
    def exists(self) -> bool:
        """Whether there is a state to go on from."""
        return self._folder is not None and (self._folder / "state.pt").is_file()

    def hold(self) -> None:
        """From now on, until `release`, the folder is being written."""
        if self._folder is not None:
            _HELD.add(self._folder.parent.resolve())

    def release(self) -> None:
        """The run has ended, one way or another."""
        if self._folder is not None:
            _HELD.discard(self._folder.parent.resolve())

    def save(
        self, adaptation: Adaptation, reports: list[StepReport], watched: dict[str, Any] | None = None
    ) -> None:
        """Write the state, and that of the watch over it; a crash meanwhile leaves the one before it."""
        if self._folder is None:
            return
        record = self._record | {"done": adaptation.t}
        with written_whole(self._folder / "job.json") as path:
            path.write_text(json.dumps(record, indent=1), encoding="utf-8")
        state = adaptation.state_dict() | {"reports": [_as_tensors(r) for r in reports], "watched": watched}
        with written_whole(self._folder / "state.pt") as path:
            torch.save(state, path)

    def restore(self, adaptation: Adaptation) -> tuple[list[StepReport], dict[str, Any] | None]:
        """Put the state into an adaptation of the same job; its reports, and what a watch over it knew."""
        assert self._folder is not None
        state = torch.load(self._folder / "state.pt", map_location="cpu", weights_only=True)
        adaptation.load_state_dict(state)
        return [_as_report(fields) for fields in state["reports"]], state.get("watched")

    def remove(self) -> None:
        """The run is whole: nothing is left to resume."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _check_same(self) -> None:
        assert self._folder is not None
        try:
            then = json.loads((self._folder / "job.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise OutputError(
                f"The run in {self._folder.parent} cannot be resumed: its record is unreadable."
            ) from None
        # What the images' names say was not always kept.
        then.setdefault("contrasts", self._identity["contrasts"])
        then["settings"] = {k: v for k, v in then.get("settings", {}).items() if k not in _FREE}
        for key, value in self._identity.items():
            if then.get(key) != value:
                raise OutputError(
                    f"The run in {self._folder.parent} cannot be resumed with another {key}: it was "
                    f"{then.get(key)}, now it is {value}. Give the same, or another folder."
                )


def _identity(job: Job) -> dict[str, Any]:
    """What must be the same for a resumption to reach the same bits."""
    config = job.config.to_dict()
    for name in _FREE:
        del config[name]
    cases = [{"name": c.name, "inputs": [s.sha256 for s in c.sources]} for c in job.cases]
    contrasts = [[modality_of(s.name) for s in c.sources] for c in job.cases]
    identity: dict[str, Any] = plain(
        {"model": job.model.sha256, "cases": cases, "contrasts": contrasts, "settings": config}
    )
    return identity


def _recipe(job: Job) -> dict[str, Any]:
    """What it takes to set the job up again without the person who did: see ``unfinished``."""
    recipe: dict[str, Any] = plain(
        {
            "process": os.getpid(),
            "model_path": job.model.path.absolute(),
            "card": job.model.card.model_dump(mode="json"),
            "free": {name: getattr(job.config, name) for name in _FREE},
            "method": job.method,
            "device": job.device,
            "files": [
                {
                    "case": c.name,
                    "channels": {s.channel: s.path and s.path.absolute() for s in c.sources},
                    "titles": {s.channel: s.title for s in c.sources},
                }
                for c in job.cases
            ],
        }
    )
    return recipe


def _as_tensors(report: StepReport) -> dict[str, Any]:
    fields = {f.name: getattr(report, f.name) for f in dataclasses.fields(report)}
    return {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in fields.items()}


def _as_report(fields: dict[str, Any]) -> StepReport:
    values: dict[str, Any] = {k: v.numpy() if isinstance(v, torch.Tensor) else v for k, v in fields.items()}
    return StepReport(**values)
