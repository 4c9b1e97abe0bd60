"""Folders that segmentation_models_pytorch writes by ``save_pretrained``: config.json and the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from napari_osuda.errors import ModelError
from napari_osuda.models.architectures.fitting import rewritten
from napari_osuda.models.architectures.library import check_architecture
from napari_osuda.models.card import Architecture
from napari_osuda.models.files.documents import read_json
from napari_osuda.models.files.packages import MAX_TEXT, Package
from napari_osuda.models.files.weights import read_weights
from napari_osuda.models.forms.reading import Native, Reading, Trust
from napari_osuda.models.forms.state_dict import reading_of

__all__ = ["read", "recognize"]

_CONFIG = "config.json"
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")


def recognize(package: Package) -> bool:
    """Whether a config and weights of that name are in the package."""
    return package.kind != "file" and package.has(_CONFIG) and package.find(*_WEIGHTS) is not None


def read(package: Package, answers: Mapping[str, Any], trust: Trust) -> Reading:
    """Read config and weights; see :func:`napari_osuda.models.load_model`."""
    config = read_json(package, _CONFIG)
    name = config.pop("_model_class", None)
    if not isinstance(name, str):
        raise ModelError(
            f"{_CONFIG} in {package.path} has no _model_class, which would say what the network is."
        )
    file = package.find(*_WEIGHTS)
    assert file is not None
    architecture = Architecture(import_from="segmentation_models_pytorch", callable=name, kwargs=config)
    check_architecture(architecture)
    content, sha256 = package.read_checked(file, None)
    weights = read_weights(content, file)
    reading = reading_of("smp", package.path.stem, file, weights, sha256, architecture, {})
    said, guessed = dict(reading.said), dict(reading.guessed)
    said["architecture"] = guessed.pop("architecture")
    if config.get("activation"):
        # The network ends in its own activation: what it returns are probabilities already.
        said["activation"] = "none"
        guessed.pop("activation")

    native = Native(
        file,
        lambda adapted: rewritten(content, weights, adapted, file),
        {_CONFIG: package.read(_CONFIG, MAX_TEXT)},
    )
    return replace(reading, said=said, guessed=guessed, native=native)
