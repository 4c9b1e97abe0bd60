"""``job.json`` of a checkpoint: what the run was asked, and all that decides what comes out of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from napari_osuda.errors import ConfigError
from napari_osuda.imaging import Preparation, modality_of
from napari_osuda.method import AdaptationConfig
from napari_osuda.models import ModelCard
from napari_osuda.session.job import Job
from napari_osuda.session.run_folder.documents import (
    FileName,
    RunDocument,
    plain,
    present_settings,
    read_document,
)

__all__ = [
    "FREE",
    "FileRecord",
    "JobRecord",
    "first_difference",
    "job_identity",
    "job_record",
    "read_job_record",
]

# None changes what the iterations compute; threads only by rounding, which a resumption should not forbid.
FREE = ("threads", "guard", "fallback")
# Of a model card: what people read, and nothing that the network or its masks depend on.
_DESCRIPTIVE = {"name", "license", "raw", "colours"}


class CaseIdentity(RunDocument):
    """A case by its name and the SHA-256 of its files."""

    name: FileName
    inputs: tuple[str | None, ...]


class PreparationChoice(RunDocument):
    """What is done to the images of a case: see `napari_osuda.imaging.choices.Preparation`."""

    reference_grid: str = ""
    bias_field: bool = False
    brain_mask: str | None = None
    brain_mask_sha256: str | None = None
    brain_layer: str = ""
    extract_brain: bool = False

    @property
    def chosen(self) -> Preparation:
        """The same for `napari_osuda.read_case`."""
        return Preparation(
            reference_grid=self.reference_grid,
            bias_field=self.bias_field,
            brain_mask=None if self.brain_mask is None else Path(self.brain_mask),
            extract_brain=self.extract_brain,
        )


class FileRecord(RunDocument):
    """Where a case's channels were read, and what the images were called; None for layers of a viewer."""

    case: FileName
    channels: dict[str, str | None]
    titles: dict[str, str] = Field(default_factory=dict)
    preparation: PreparationChoice = Field(default_factory=lambda: PreparationChoice())


class JobRecord(RunDocument):
    """All that ``job.json`` says; see `job_identity` for what must not change."""

    format: Literal[2] = 2
    model: str | None
    cases: tuple[CaseIdentity, ...]
    contrasts: tuple[tuple[str | None, ...], ...] | None = None
    preparations: tuple[PreparationChoice, ...] | None = None
    settings: dict[str, Any]
    process: int
    model_path: str
    card: ModelCard | None = None
    free: dict[str, Any] = Field(default_factory=dict)
    method: str
    device: str
    files: tuple[FileRecord, ...]
    done: int = Field(default=0, ge=0)

    @property
    def config(self) -> AdaptationConfig:
        """The settings; raises ConfigError where one is unusable."""
        try:
            return AdaptationConfig().replace(**{**self.settings, **self.free})
        except (TypeError, ValueError) as error:
            raise ConfigError(f"The settings of the unfinished run are damaged ({error}).") from None

    @property
    def identity(self) -> dict[str, Any]:
        """As `job_identity` gives it; without what the record is too old to tell."""
        known: dict[str, Any] = {
            "model": self.model,
            "cases": [{"name": case.name, "inputs": case.inputs} for case in self.cases],
            "settings": _deciding(AdaptationConfig().to_dict() | self.settings),
        }
        if self.card is not None:
            known["card"] = _card(self.card)
        if self.contrasts is not None:
            known["contrasts"] = self.contrasts
        if self.preparations is not None:
            known["preparations"] = [one.model_dump() for one in self.preparations]
        identity: dict[str, Any] = plain(known)
        return identity


def job_identity(job: Job) -> dict[str, Any]:
    """All that must be the same for a resumption to reach the same bits, as JSON has it."""
    identity: dict[str, Any] = plain(
        {
            "model": job.model.sha256,
            "card": _card(job.model.card),
            "cases": [{"name": c.name, "inputs": [s.sha256 for s in c.sources]} for c in job.cases],
            "contrasts": [[modality_of(s.name) for s in c.sources] for c in job.cases],
            "preparations": [vars(replace(c.preparation, brain_mask=None)) for c in job.cases],
            "settings": _deciding(job.config.to_dict()),
        }
    )
    return identity


def job_record(job: Job, done: int) -> JobRecord:
    """What it takes to set the job up again without the person who did: see ``unfinished``."""
    record = job_identity(job) | plain(
        {
            "process": os.getpid(),
            "model_path": job.model.path.absolute(),
            "card": job.model.card.model_dump(mode="json"),
            "free": {name: getattr(job.config, name) for name in FREE},
            "method": job.method,
            "device": job.device,
            "files": [
                {
                    "case": c.name,
                    "channels": {s.channel: s.path and s.path.absolute() for s in c.sources},
                    "titles": {s.channel: s.title for s in c.sources},
                    "preparation": _absolute(c.preparation),
                }
                for c in job.cases
            ],
            "done": done,
        }
    )
    return JobRecord.model_validate(record)


def read_job_record(checkpoint: Path) -> JobRecord:
    """The record in the folder of a checkpoint; raises OutputError where there is none, or a damaged one."""
    return read_document(checkpoint / "job.json", JobRecord, "the record of an unfinished run", _migrated)


def first_difference(then: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """The first thing in which two identities differ, in words; None where they do not.

    What only one of them tells says nothing.
    """
    for key in sorted(set(then) & set(now)):
        if then[key] == now[key]:
            continue
        if isinstance(then[key], dict) and isinstance(now[key], dict):
            for name in sorted(set(then[key]) | set(now[key])):
                before, after = then[key].get(name), now[key].get(name)
                if before != after:
                    where = {"card": "of the model card"}.get(key, "of the settings")
                    return f"{name} {where} was {_short(before)}, now it is {_short(after)}"
        what = {"model": "the model's file", "cases": "the images", "contrasts": "the images' contrasts",
                "preparations": "what is done to the images"}  # fmt: skip
        return f"{what.get(key, key)} was {_short(then[key])}, now it is {_short(now[key])}"
    return None


def _absolute(preparation: Preparation) -> dict[str, Any]:
    mask = preparation.brain_mask
    return vars(replace(preparation, brain_mask=mask and mask.absolute()))


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _card(card: ModelCard) -> dict[str, Any]:
    return card.model_dump(mode="json", exclude=_DESCRIPTIVE)


def _deciding(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in FREE}


def _migrated(document: dict[str, Any]) -> dict[str, Any]:
    return document | {"format": 2, "settings": present_settings(document["settings"])}
