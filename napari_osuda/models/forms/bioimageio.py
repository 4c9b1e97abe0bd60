"""bioimage.io model packages, spec 0.5 and 0.4, as a folder or a zip: the native form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from napari_osuda.errors import ModelError, shown
from napari_osuda.models.architectures.fitting import network_with_weights
from napari_osuda.models.architectures.library import LIBRARIES, check_architecture
from napari_osuda.models.card import Architecture, ModelCard
from napari_osuda.models.description.reading import describe
from napari_osuda.models.description.schema import WeightsDocument
from napari_osuda.models.files.documents import read_yaml
from napari_osuda.models.files.packages import MAX_TEXT, Package
from napari_osuda.models.files.weights import read_weights
from napari_osuda.models.forms.reading import Reading, Trust
from napari_osuda.models.forms.torchscript import reading_of_program

__all__ = ["DESCRIPTIONS", "read"]

DESCRIPTIONS = ("bioimageio.yaml", "rdf.yaml", "model.yaml")


def recognize(package: Package) -> bool:
    """Whether there is a description in the package."""
    return package.find(*DESCRIPTIONS) is not None


def read(package: Package, answers: Mapping[str, Any], trust: Trust) -> Reading:
    """Read the description and the weights that it names; see :func:`napari_osuda.models.load_model`."""
    name = package.find(*DESCRIPTIONS)
    assert name is not None
    description = describe(read_yaml(package.read(name, MAX_TEXT), name), name)
    form, entry = _chosen(description.weights, name)
    if "://" in entry.source:
        raise ModelError(
            f"{name}: the weights are at {entry.source}; download the whole package, weights included."
        )
    if form == "torchscript":
        content, sha256 = package.read_checked(entry.source, entry.sha256)
        program = reading_of_program(content, sha256, entry.source, package, trust)
        return replace(
            program,
            form="bioimageio",
            said=description.said,
            guessed=description.guessed,
            notes=(*program.notes, *description.notes),
        )
    architecture = _architecture(entry, name)
    check_architecture(architecture)
    content, sha256 = package.read_checked(entry.source, entry.sha256)
    weights = read_weights(content, entry.source)

    def network(card: ModelCard) -> nn.Module:
        assert card.architecture is not None
        return network_with_weights(card.architecture, weights, entry.source)

    notes = (*weights.told, *description.notes)
    said = {**description.said, "architecture": architecture}
    return Reading("bioimageio", said, description.guessed, sha256, network, notes)


def _chosen(entries: Mapping[str, WeightsDocument], where: str) -> tuple[str, WeightsDocument]:
    """Weights of a known class before a program, which would have to be trusted."""
    state_dict, program = entries.get("pytorch_state_dict"), entries.get("torchscript")
    of_library = state_dict is not None and (
        state_dict.architecture is not None and state_dict.architecture.import_from is not None
    )
    if state_dict is not None and (program is None or of_library):
        return "pytorch_state_dict", state_dict
    if program is not None:
        return "torchscript", program
    raise ModelError(
        f"{where} has weights as {', '.join(shown(name) for name in entries)}; it must have "
        "pytorch_state_dict or torchscript."
    )


def _architecture(entry: WeightsDocument, where: str) -> Architecture:
    said = entry.architecture
    if said is None:
        raise ModelError(f"{where}: weights.pytorch_state_dict.architecture is missing.")
    if said.import_from is None:
        raise ModelError(
            f"{where}: the architecture is Python code in the package ({said.source}), which is not "
            f"run. weights.pytorch_state_dict.architecture.import_from must be one of {', '.join(LIBRARIES)}."
        )
    return Architecture(import_from=said.import_from, callable=said.callable, kwargs=said.kwargs)
