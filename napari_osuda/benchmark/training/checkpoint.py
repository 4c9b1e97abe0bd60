"""Where a training has got to, on the disk: for the same training to go on from."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from napari_osuda.files import written_whole

__all__ = ["TrainingCheckpoint"]


@dataclass(frozen=True)
class TrainingCheckpoint:
    """The file of a training's state.

    Attributes
    ----------
    path : Path
    training : mapping
        What is trained, how, and on what, in plain values: no other training goes on from the file.
    """

    path: Path
    training: Mapping[str, Any]

    def write(self, state: Mapping[str, Any]) -> None:
        """Replace what the file holds by a state of tensors and plain values."""
        with written_whole(self.path) as partial:
            torch.save({"training": self._words(), "state": dict(state)}, partial)

    def read(self) -> dict[str, Any] | None:
        """The state, its tensors on the CPU; None where there is none of this training that can be read."""
        if not self.path.is_file():
            return None
        try:
            found = torch.load(self.path, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, pickle.UnpicklingError):
            # A training that starts again costs time only; the file is replaced after its first epoch.
            return None
        if not isinstance(found, dict) or found.get("training") != self._words():
            return None
        state: dict[str, Any] = found["state"]
        return state

    def _words(self) -> str:
        # As text, in which a tuple and the list that it is read back as are the same.
        return json.dumps(self.training, sort_keys=True)
