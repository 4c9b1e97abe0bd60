"""MONAI bundles, read as literals and references; their expressions (``$...``) are never evaluated.

https://docs.monai.io/en/stable/mb_specification.html: ``configs/metadata.json`` says what the channels are,
``configs/inference.json`` (or .yaml) what the network is and what is done before and after it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import nn

from napari_osuda.errors import ModelError
from napari_osuda.models.architectures.fitting import network_with_weights, rewritten
from napari_osuda.models.architectures.library import LIBRARIES, check_architecture
from napari_osuda.models.card import Architecture, ModelCard
from napari_osuda.models.files.documents import read_json, read_yaml
from napari_osuda.models.files.packages import MAX_TEXT, Package
from napari_osuda.models.files.weights import read_weights
from napari_osuda.models.forms.reading import Native, Reading, Trust

__all__ = ["read", "recognize"]

_METADATA = "configs/metadata.json"
_CONFIGS = tuple(f"configs/{stem}{suffix}" for stem in ("inference", "evaluate", "train")
                 for suffix in (".json", ".yaml", ".yml"))  # fmt: skip
_WEIGHTS = ("models/model.pt", "models/model.safetensors", "models/model.pth")
_MONAI = "monai.networks.nets"
_MAX_DEPTH = 20
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
    metadata = read_json(package, _METADATA)
    name = package.find(*_CONFIGS)
    if name is None:
        raise ModelError(
            f"{package.path} has none of {', '.join(_CONFIGS[:2])}, which would say what the network is."
        )
    config = (
        read_json(package, name) if name.endswith(".json") else read_yaml(package.read(name, MAX_TEXT), name)
    )
    architecture = _network(config, name)
    check_architecture(architecture)
    file = package.find(*_WEIGHTS)
    if file is None:
        hint = " It is downloaded apart: see large_files.yml." if package.has("large_files.yml") else ""
        raise ModelError(f"{package.path} holds no {_WEIGHTS[0]}.{hint}")
    content, sha256 = package.read_checked(file, None)
    weights = read_weights(content, file)
    said: dict[str, Any] = {
        "name": str(metadata.get("name") or package.path.stem),
        "architecture": architecture,
        "spatial_dims": architecture.kwargs.get("spatial_dims", 3),
        "raw": metadata,
    }
    guessed: dict[str, Any] = {}
    if said["spatial_dims"] == 2:
        guessed["plane"] = "axial"
    notes = [*weights.notes, *_preprocessing(config, said, guessed)]
    _postprocessing(config, said, guessed)
    _channels(metadata, architecture, said, guessed)
    _brats(said, guessed)
    inferer = config.get("inferer")
    size = inferer.get("roi_size") if isinstance(inferer, Mapping) else None
    size = _resolve(size, config, 0) if size is not None else None
    if (
        isinstance(size, list)
        and len(size) == said["spatial_dims"]
        and all(isinstance(n, int) and n > 0 for n in size)
    ):
        said["size"] = tuple(size)

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


def _resolve(value: Any, config: Mapping[str, Any], depth: int, where: str = "") -> Any:
    """Literals, with references (``@key``, ``@key::inner``) followed.

    Raises
    ------
    ModelError
        An expression, a macro, a reference to nothing, or references in a circle.
    """
    if depth > _MAX_DEPTH:
        raise ModelError(f"{where} refers to itself.")
    if isinstance(value, Mapping):
        return {key: _resolve(inner, config, depth + 1, f"{where}.{key}") for key, inner in value.items()}
    if isinstance(value, list):
        return [_resolve(inner, config, depth + 1, where) for inner in value]
    if not isinstance(value, str) or value[:1] not in ("@", "$", "%"):
        return value
    if value[0] != "@":
        raise ModelError(
            f"{where or 'A value'} is the expression '{value[:60]}'; expressions are not evaluated. Write "
            "its value into the configuration."
        )
    found: Any = config
    for key in re.split(r"::|#", value[1:]):
        if isinstance(found, list) and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, Mapping) and key in found:
            found = found[key]
        else:
            raise ModelError(f"{where or 'A value'} refers to '{value}', which is not in the configuration.")
    return _resolve(found, config, depth + 1, where)


def _network(config: Mapping[str, Any], where: str) -> Architecture:
    definition = next(
        (
            config[key]
            for key in ("network_def", "network", "net", "model")
            if isinstance(config.get(key), Mapping)
        ),
        None,
    )
    if definition is None or not isinstance(definition.get("_target_"), str):
        raise ModelError(f"{where} has no network_def with a _target_, which would say what the network is.")
    target = definition["_target_"]
    kwargs = {
        key: _resolve(value, config, 0, f"{where}: network_def.{key}")
        for key, value in definition.items()
        if not key.startswith("_")
    }
    module, _, name = target.rpartition(".")
    if not module or module.startswith(f"{_MONAI}."):
        module = _MONAI
    if module not in LIBRARIES:
        raise ModelError(
            f"{where}: network_def._target_ is '{target}'; it must be a network of "
            f"{', '.join(LIBRARIES)}. Code in the bundle is not run."
        )
    return Architecture(import_from=module, callable=name, kwargs=kwargs)


def _transforms(config: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    steps = config.get(key)
    steps = steps.get("transforms") if isinstance(steps, Mapping) else steps
    return [step for step in steps if isinstance(step, Mapping)] if isinstance(steps, list) else []


def _literal(step: Mapping[str, Any], key: str, config: Mapping[str, Any], default: Any) -> Any:
    try:
        return _resolve(step.get(key, default), config, 0)
    except ModelError:
        return default


def _preprocessing(config: Mapping[str, Any], said: dict[str, Any], guessed: dict[str, Any]) -> list[str]:
    """Orientation, spacing and normalisation, where the transforms are ones that are known here."""
    guessed["normalisation"], guessed["orientation"] = "zscore_nonzero", "RAS"
    unknown: list[str] = []
    for step in _transforms(config, "preprocessing"):
        kind = str(step.get("_target_", "")).rpartition(".")[2]
        if kind == "Orientationd":
            said["orientation"] = str(_literal(step, "axcodes", config, "RAS"))
        elif kind == "Spacingd":
            spacing = _literal(step, "pixdim", config, None)
            if isinstance(spacing, list) and len(spacing) == 3:
                said["spacing_mm"] = tuple(spacing)
        elif kind == "CropForegroundd" and not {"select_fn", "margin", "k_divisible"} & set(step):
            said["crop_to_head"] = True
        elif "Intensity" in kind:
            how = _normalization(kind, step, config)
            if how is None:
                unknown.append(kind)
                said.pop("normalisation", None)
            else:
                # Of linear scalings one after another the last decides.
                unknown.clear()
                said["normalisation"] = how
    if "orientation" in said:
        guessed.pop("orientation")
    if "normalisation" in said:
        guessed.pop("normalisation")
        return []
    return [f"The bundle normalizes by {kind}, which is none of those known here." for kind in unknown]


def _normalization(kind: str, step: Mapping[str, Any], config: Mapping[str, Any]) -> str | None:
    """The card's word for a transform of the intensities; None where it has none."""

    def value(key: str, default: Any) -> Any:
        return _literal(step, key, config, default)

    if kind == "NormalizeIntensityd" and value("subtrahend", None) is None and value("divisor", None) is None:
        return "zscore_nonzero" if value("nonzero", False) else "zscore"
    if kind == "ScaleIntensityd" and (value("minv", 0), value("maxv", 1)) == (0, 1):
        return "range"
    percentiles = (value("lower", None), value("upper", None))
    if kind == "ScaleIntensityRangePercentilesd" and percentiles == (1, 99):
        return "percentile_1_99"
    return None


def _postprocessing(config: Mapping[str, Any], said: dict[str, Any], guessed: dict[str, Any]) -> None:
    for step in _transforms(config, "postprocessing"):
        for activation in ("sigmoid", "softmax"):
            if _literal(step, activation, config, False) is True:
                said["activation"] = activation
        if _literal(step, "argmax", config, False) is True:
            said.setdefault("activation", "softmax")
    if "activation" not in said:
        guessed["activation"] = "softmax"


def _channels(
    metadata: Mapping[str, Any], architecture: Architecture, said: dict[str, Any], guessed: dict[str, Any]
) -> None:
    form = metadata.get("network_data_format")
    form = form if isinstance(form, Mapping) else {}
    for key, side, argument, noun in (
        ("channels", "inputs", "in_channels", "channel"),
        ("output_channels", "outputs", "out_channels", "class"),
    ):
        tensors = form.get(side)
        first = next(iter(tensors.values()), None) if isinstance(tensors, Mapping) else None
        names = first.get("channel_def") if isinstance(first, Mapping) else None
        count = architecture.kwargs.get(argument)
        found = tuple(str(name) for name in names.values()) if isinstance(names, Mapping) else ()
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
