"""A saved state of an adaptation, from a file that anybody may have written to one that fits."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from napari_osuda.errors import OutputError
from napari_osuda.files import written_whole
from napari_osuda.method import Adaptation, StepReport
from napari_osuda.models.files.weights import load_content

__all__ = ["SavedState", "read_state", "state_of", "write_state"]

_Count = Annotated[int, Field(ge=0)]
_ARRAYS = ("distance", "alpha", "gamma_shift", "beta_shift", "class_fractions", "dead")


class _Part(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", strict=True, allow_inf_nan=True)


class SavedReport(_Part):
    """A `StepReport`, its arrays as tensors."""

    t: _Count
    eta: float
    lam: float
    l_hbs: float
    l_se: float
    loss: float
    l_other: float = 0.0
    distance: Tensor
    alpha: Tensor
    gamma_shift: Tensor
    beta_shift: Tensor
    class_fractions: Tensor
    dead_channels: _Count
    seconds: float
    dead: Tensor = Field(default_factory=lambda: torch.zeros(0, dtype=torch.bool))


class Watched(_Part):
    """What the guard's watch over the training has seen: `CollapseWatch`."""

    kept: dict[str, Tensor]
    good: _Count
    first: dict[int, float]
    faded: bool
    suspicious: _Count


class SavedState(_Part):
    """Of an adaptation after ``t`` iterations, with the reports of them.

    ``identity`` is what it is a state of, as JSON (`job_identity`); None in states of earlier versions. What
    a method keeps beside is handed on to it as it is.
    """

    model_config = ConfigDict(extra="allow")

    t: _Count
    model: dict[str, Tensor]
    optimizer: dict[str, Any]
    memory: dict[int, list[Tensor]]
    reports: list[SavedReport]
    watched: Watched | None = None
    identity: str | None = None

    def put_into(self, adaptation: Adaptation) -> tuple[list[StepReport], dict[str, Any] | None]:
        """Make an adaptation go on from here; its reports, and what a watch over it knew.

        Raises
        ------
        OutputError
            It is a state of something else. The adaptation may have been changed, and is of no use then.
        """
        try:
            return self._checked_into(adaptation)
        except (RuntimeError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise OutputError(f"its state does not fit ({type(error).__name__})") from error

    def _checked_into(self, adaptation: Adaptation) -> tuple[list[StepReport], dict[str, Any] | None]:
        fresh, channels = adaptation.state_dict(), sum(layer.channels for layer in adaptation.layers)
        _require(self.t <= adaptation.config.iterations, "it has more iterations than the run")
        _require([r.t for r in self.reports] == list(range(self.t)), "its reports are not those of its steps")
        for report in self.reports:
            for name in ("distance", "alpha", "gamma_shift", "beta_shift"):
                _require(getattr(report, name).shape == (channels,), f"{name} is not of this network")
        _same_tensors(self.model, fresh["model"], "the network")
        if self.watched is not None:
            _same_tensors(self.watched.kept, fresh["model"], "the network that was kept")
        _same_optimizer(self.optimizer, fresh["optimizer"])
        state = {name: getattr(self, name) for name in ("t", "model", "optimizer", "memory")}
        adaptation.load_state_dict({**(self.model_extra or {}), **state})
        watched = None if self.watched is None else self.watched.model_dump()
        return [_report(saved) for saved in self.reports], watched


def state_of(
    adaptation: Adaptation,
    reports: list[StepReport],
    watched: Mapping[str, Any] | None,
    identity: Mapping[str, Any],
) -> dict[str, Any]:
    """What is written: tensors, numbers and texts alone, so that reading it runs nothing."""
    return adaptation.state_dict() | {
        "reports": [_as_tensors(report) for report in reports],
        "watched": watched,
        "identity": json.dumps(identity, sort_keys=True),
    }


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write tensors, numbers and texts, whole or not at all.

    Raises
    ------
    OutputError
        There is no room for them.
    OSError
        Nothing can be written there.
    """
    try:
        with written_whole(path) as partial:
            torch.save(dict(state), partial)
    except RuntimeError as error:  # so torch says that the disk is full
        raise OutputError(
            f"{path} cannot be written; the disk is full, or files may not be that large."
        ) from error


def read_state(path: Path) -> SavedState:
    """A state as it was written.

    Raises
    ------
    OutputError
        The file is damaged, or is something else.
    """
    try:
        return SavedState.model_validate(load_content(path.read_bytes(), path.name))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))[:80]
        raise OutputError(f"{path} is damaged ({where}: {first['msg']}).") from None
    except Exception as error:  # a damaged pickle can fail in any way
        raise OutputError(f"{path} is damaged ({type(error).__name__}).") from error


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise OutputError(what)


def _same_tensors(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], what: str) -> None:
    _require(found.keys() == expected.keys(), f"{what} has other layers")
    for name, tensor in expected.items():
        fits = found[name].shape == tensor.shape and found[name].dtype == tensor.dtype
        _require(fits and found[name].layout == tensor.layout, f"{what} has another {name}")


def _same_optimizer(found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Whether an optimizer's state is one of as many parameters, with these settings."""
    _require(found.keys() == expected.keys(), "its optimizer is another")
    _require(found["param_groups"] == expected["param_groups"], "its optimizer has other settings")
    slots = {index for group in expected["param_groups"] for index in group["params"]}
    _require(isinstance(found["state"], dict) and set(found["state"]) <= slots, "its optimizer is another")
    for moments in found["state"].values():
        _require(isinstance(moments, dict), "its optimizer is damaged")
        fits = (value is None or isinstance(value, int | float | Tensor) for value in moments.values())
        _require(all(fits), "its optimizer is damaged")


def _as_tensors(report: StepReport) -> dict[str, Any]:
    fields = {f.name: getattr(report, f.name) for f in dataclasses.fields(report)}
    return {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in fields.items()}


def _report(saved: SavedReport) -> StepReport:
    values = {name: getattr(saved, name) for name in SavedReport.model_fields}
    return StepReport(**values | {name: values[name].numpy() for name in _ARRAYS})
