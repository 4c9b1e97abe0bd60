"""Reading a source model for the panel: the model, or what has to be asked before there is one."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from napari_osuda.errors import OsudaError

if TYPE_CHECKING:
    from napari_osuda.errors import UntrustedModelError
    from napari_osuda.models import Inspection, Question, SourceModel

__all__ = ["LoadedModel", "SampleModel", "model_path", "read_model", "samples"]


@dataclass(frozen=True)
class LoadedModel:
    """A model, or what has to be asked before there is one."""

    path: Path
    model: SourceModel | None = None
    inspection: Inspection | None = None
    questions: tuple[Question, ...] = ()
    refused: UntrustedModelError | None = None
    answers: dict[str, str] = field(default_factory=dict)


def read_model(path: Path, answers: dict[str, str], trusted: frozenset[str]) -> LoadedModel:
    """Read a model, or find out what has to be asked first; runs on a thread of its own."""
    from napari_osuda.errors import UntrustedModelError
    from napari_osuda.models import SavedAnswers, inspect_model, load_model, open_questions

    memory = SavedAnswers()
    try:
        questions = open_questions(path, overrides=answers, trust=trusted, memory=memory)
    except UntrustedModelError as error:
        if error.sha256 is None or error.sha256 in trusted:
            raise
        if not memory.trusts(error.sha256):
            return LoadedModel(path, refused=error)
        return read_model(path, answers, trusted | {error.sha256})
    if questions:
        # A network that cannot be adapted whatever the answers needs none.
        with contextlib.suppress(OsudaError):
            inspection = inspect_model(path, overrides=answers, trust=trusted)
            if not inspection.adaptable:
                return LoadedModel(path, inspection=inspection)
        return LoadedModel(path, questions=tuple(questions))
    model = load_model(path, overrides=answers, trust=trusted, memory=memory)
    return LoadedModel(path, model, inspect_model(model), answers=memory.answers(model.sha256))


@dataclass(frozen=True)
class SampleModel:
    """A sample model: its name, its folder, and the channels that it needs."""

    name: str
    path: Path
    channels: tuple[str, ...]


def samples() -> list[SampleModel]:
    """The sample models that come with the package."""
    from napari_osuda.simulation.shipped import sample_models

    try:
        samples = sample_models()
    except OsudaError:
        # A checkout without its sample data is no reason not to open other models.
        return []
    return [_sample(name, Path(path)) for name, path in samples.items()]


def _sample(name: str, folder: Path) -> SampleModel:
    """What stands in a model folder's document; the folder alone where that cannot be read."""
    try:
        document = yaml.safe_load((folder / "bioimageio.yaml").read_text(encoding="utf-8"))
        axes = document["inputs"][0]["axes"]
        channels = next(axis["channel_names"] for axis in axes if axis.get("type") == "channel")
        return SampleModel(str(document["name"]), folder, tuple(channels))
    except (OSError, yaml.YAMLError, LookupError, TypeError, AttributeError, StopIteration):
        return SampleModel(name.replace("-", " "), folder, ())


def model_path(path: Path) -> Path:
    """The folder, where someone gave a file in it that is of no use alone."""
    name = path.name.lower()
    if path.suffix.lower() in (".yaml", ".yml") or name in ("plans.json", "dataset.json", "config.json"):
        return path.parent
    above = path.parent.parent
    if name == "metadata.json" or (above / "plans.json").is_file():
        return above
    return path
