"""MONAI bundles, read as literals and references; their expressions (``$...``) are never evaluated.

https://docs.monai.io/en/stable/mb_specification.html: ``configs/metadata.json`` says what the channels are,
``configs/inference.json`` (or .yaml) what the network is and what is done before and after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from napari_osuda.errors import ModelError, shown
from napari_osuda.models.architectures.fitting import network_with_weights, rewritten, rivals_note
from napari_osuda.models.architectures.library import LIBRARIES, check_architecture
from napari_osuda.models.card import Architecture, ModelCard
from napari_osuda.models.files.documents import read_json, read_yaml, typed
from napari_osuda.models.files.packages import MAX_TEXT, Package
from napari_osuda.models.files.weights import read_weights
from napari_osuda.models.forms.monai_config import BundleConfig, Metadata
from napari_osuda.models.forms.monai_inferer import describe_inferer
from napari_osuda.models.forms.monai_transforms import describe_postprocessing, describe_preprocessing
from napari_osuda.models.forms.reading import Native, Reading, Trust

__all__ = ["read", "recognize"]

_METADATA = "configs/metadata.json"
_CONFIGS = tuple(f"configs/{stem}{suffix}" for stem in ("inference", "evaluate", "train")
                 for suffix in (".json", ".yaml", ".yml"))  # fmt: skip
_WEIGHTS = ("models/model.pt", "models/model.safetensors", "models/model.pth")
_MONAI = "monai.networks.nets"
# The channels of BraTS by the names that bundles give them.
_BRATS = {
    "tumor core": "TC", "tumour core": "TC", "tc": "TC", "whole tumor": "WT",
    "whole tumour": "WT", "wt": "WT",
    "enhancing tumor": "ET", "enhancing tumour": "ET", "et": "ET",
}  # fmt: skip


def recognize(package: Package) -> bool:
    """Whether a bundle's metadata are in the package."""
    return package.has(_METADATA)


def read(package: Package, answers: Mapping[str, Any], trust: Trust) -> Reading:
    """Read metadata, configuration and weights; see :func:`napari_osuda.models.load_model`."""
    document = read_json(package, _METADATA)
    metadata = typed(Metadata, document, _METADATA)
    name = package.find(*_CONFIGS)
    if name is None:
        raise ModelError(
            f"{package.path} has none of {', '.join(_CONFIGS[:2])}, which would say what the network is."
        )
    config = BundleConfig(
        read_json(package, name) if name.endswith(".json") else read_yaml(package.read(name, MAX_TEXT), name),
        name,
    )
    architecture = _network(config)
    check_architecture(architecture)
    file = package.find(*_WEIGHTS)
    if file is None:
        hint = " It is downloaded separately: see large_files.yml." if package.has("large_files.yml") else ""
        raise ModelError(f"{package.path} holds no {_WEIGHTS[0]}.{hint}")
    content, sha256 = package.read_checked(file, None)
    weights = read_weights(content, file)
    said: dict[str, Any] = {
        "name": metadata.name or package.path.stem,
        "architecture": architecture,
        "spatial_dims": architecture.kwargs.get("spatial_dims", 3),
        "raw": document,
    }
    guessed: dict[str, Any] = {}
    dims = said["spatial_dims"]
    if dims == 2:
        guessed["plane"] = "axial"
    _channels(metadata, architecture, said, guessed)
    channels = len(said.get("channels") or guessed["channels"])
    notes = [*weights.told, *rivals_note(architecture, weights)]
    notes += [*describe_preprocessing(config, channels, dims, said, guessed)]
    notes += describe_postprocessing(config, said, guessed)
    _brats(said, guessed)
    notes += describe_inferer(config, dims, said)

    def network(card: ModelCard) -> nn.Module:
        assert card.architecture is not None
        return network_with_weights(card.architecture, weights, file)

    kept = (_METADATA, *(config for config in _CONFIGS if package.has(config)))
    native = Native(
        file,
        lambda adapted: rewritten(content, weights, adapted, file),
        {name: package.read(name, MAX_TEXT) for name in kept},
    )
    return Reading("monai_bundle", said, guessed, sha256, network, tuple(notes), native)


def _network(config: BundleConfig) -> Architecture:
    definition = config.mapping("network_def", "network", "net", "model")
    if definition is None or not isinstance(definition.get("_target_"), str):
        raise ModelError(
            f"{config.where} has no network_def with a _target_, which would say what the network is."
        )
    target = definition["_target_"]
    kwargs = {
        str(key): config.resolved(value, f"network_def.{key}")
        for key, value in definition.items()
        if not str(key).startswith("_")
    }
    module, _, name = target.rpartition(".")
    if not module or module.startswith(f"{_MONAI}."):
        module = _MONAI
    if module not in LIBRARIES:
        raise ModelError(
            f"{config.where}: network_def._target_ is {shown(target)}; it must be a network of "
            f"{', '.join(LIBRARIES)}. Code in the bundle is not run."
        )
    return Architecture(import_from=module, callable=name, kwargs=kwargs)


def _channels(
    metadata: Metadata, architecture: Architecture, said: dict[str, Any], guessed: dict[str, Any]
) -> None:
    for key, side, argument, noun in (
        ("channels", "inputs", "in_channels", "channel"),
        ("output_channels", "outputs", "out_channels", "class"),
    ):
        found = metadata.channels(side)
        count = architecture.kwargs.get(argument)
        # "image" is what bundles call a channel of which they say nothing.
        if found and len(set(found)) == len(found) and found != ("image",) and count in (None, len(found)):
            said[key] = found
        else:
            count = count if isinstance(count, int) and 0 < count <= 512 else len(found) or 1
            guessed[key] = tuple(f"{noun} {i}" for i in range(count))


def _brats(said: dict[str, Any], guessed: dict[str, Any]) -> None:
    """The overlapping channels of BraTS as regions. ET's value changed in 2023: it is asked."""
    names = said.get("output_channels", ())
    regions = [_BRATS.get(name.lower()) for name in names]
    if said.get("activation") == "sigmoid" and sorted(str(region) for region in regions) == [
        "ET",
        "TC",
        "WT",
    ]:
        said["output_channels"] = tuple(regions)
        guessed["labels"] = {0: "background", 1: "necrotic core", 2: "edema", 4: "enhancing tumor"}
        guessed["regions"] = {"TC": (1, 4), "WT": (1, 2, 4), "ET": (4,)}
