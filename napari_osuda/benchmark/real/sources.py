"""Source models for real MRI: trained where they are not yet, and scored on unseen patients at home."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_osuda.benchmark.patients import Patient
from napari_osuda.benchmark.real.training import RealRecipe, train_real
from napari_osuda.benchmark.training import TrainingSlices, training_slices
from napari_osuda.benchmark.training.checkpoint import TrainingCheckpoint
from napari_osuda.errors import CaseError, OutputError
from napari_osuda.evaluation import dice
from napari_osuda.files import written_whole
from napari_osuda.models import ModelCard, SourceModel, load_model, write_model_folder
from napari_osuda.models.description.reading import provenance_of
from napari_osuda.session import predict_case, slice_spec

__all__ = ["Home", "home_dice", "source_model"]


@dataclass(frozen=True)
class Home:
    """Where a source model comes from.

    Attributes
    ----------
    name : str
        Of the model's folder.
    card : ModelCard
        With the architecture that ``recipe`` gives.
    recipe : RealRecipe
    training, validation : tuple of str
        Names of the patients that it is trained on, and of those that tell what it reaches at home.
    load : callable
        Gives the patient of a name, with the model's own contrasts.
    """

    name: str
    card: ModelCard
    recipe: RealRecipe
    training: tuple[str, ...]
    validation: tuple[str, ...]
    load: Callable[[str], Patient]

    def record(self) -> dict[str, Any]:
        """What the model is made of, in plain values, as it is kept beside the model."""
        known = {"recipe": asdict(self.recipe), "training": self.training, "validation": self.validation}
        plain: dict[str, Any] = json.loads(json.dumps(known))
        return plain


def source_model(
    home: Home,
    folder: Path,
    tell: Callable[[str], None] = lambda text: None,
    device: torch.device | str = "cpu",
) -> SourceModel:
    """Load a source model, or train it first, from the last whole epoch on.

    Parameters
    ----------
    home : Home
    folder : Path
        Of all models; ``<name>.dice.json`` beside a model tells its Dice at home.
    tell : callable
        Told how far the training is, a line at a time.
    device : torch.device or str

    Raises
    ------
    CaseError
        There is nobody to train on, or there are too few slices.
    OutputError
        The model there was trained in another way or on others, or cannot be written.
    """
    path = folder / home.name
    record = home.record()
    if not path.is_dir():
        write_model_folder(path, _trained(home, path, tell, device), home.card, provenance=record)
        _checkpoint(home, path).path.unlink(missing_ok=True)
    model = load_model(path)
    made_of = provenance_of(model.card)
    if any(made_of.get(key) != value for key, value in record.items()):
        raise OutputError(
            f"{path} was trained with another recipe or on other patients than are asked for now: "
            "give another --out, or move it away."
        )
    if set(home_dice(folder, home.name)) != set(home.validation):
        reached = {name: _dice(model, home.load(name), str(device)) for name in home.validation}
        with written_whole(_dice_file(folder, home.name)) as partial:
            partial.write_text(json.dumps(reached, indent=1) + "\n", encoding="utf-8")
    return model


def home_dice(folder: Path, name: str) -> dict[str, dict[str, float]]:
    """What a source model reaches at home: Dice of each region, by unseen patient; empty where not told."""
    try:
        known = json.loads(_dice_file(folder, name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _dice_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.dice.json"


def _checkpoint(home: Home, path: Path) -> TrainingCheckpoint:
    return TrainingCheckpoint(path.with_name(f"{home.name}.checkpoint.pt"), home.record())


def _trained(
    home: Home, path: Path, tell: Callable[[str], None], device: torch.device | str
) -> torch.nn.Module:
    if not home.training:
        raise CaseError(f"There is nobody to train {home.name} on in this folder: is it the whole data set?")
    slices = TrainingSlices.join(_slices(home, tell))
    checkpoint = _checkpoint(home, path)
    state = checkpoint.read()
    if state is not None:
        tell(f"{home.name}: going on after epoch {state['epoch']}")
    try:
        for report in train_real(slices, len(home.card.channel_values), home.recipe, device, state):
            if report.epoch < report.epochs:
                checkpoint.write(report.state)
            tell(f"{home.name}: epoch {report.epoch} of {report.epochs}, loss {report.loss:.4f}")
    except ValueError as error:
        raise CaseError(f"{home.name} cannot be trained: {error}") from None
    return report.network.eval()


def _slices(home: Home, tell: Callable[[str], None]) -> Iterator[TrainingSlices]:
    classes = {value: k for k, value in enumerate(home.card.channel_values)}
    for number, name in enumerate(home.training, start=1):
        tell(f"{home.name}: reading training patient {number} of {len(home.training)}")
        patient = home.load(name)
        yield training_slices(patient.case, patient.reference, slice_spec(home.card), classes)


def _dice(model: SourceModel, patient: Patient, device: str) -> dict[str, float]:
    found = predict_case(model, patient.case, device=device)
    return {
        region: dice(np.isin(found, values), np.isin(patient.reference, values))
        for region, values in model.card.regions.items()
    }
