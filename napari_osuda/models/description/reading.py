"""A bioimage.io description (spec 0.5 or 0.4) in terms of the model card.

https://github.com/bioimage-io/spec-bioimage-io; format_version 0.5.x (``bioimageio.yaml``) and
0.4.x (``rdf.yaml``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from napari_osuda.errors import ModelError
from napari_osuda.models.card import ModelCard

__all__ = ["Description", "WeightsEntry", "describe"]

_Axis = dict[str, Any]
_MILLIMETERS = {"millimeter": 1.0, "micrometer": 1e-3, "centimeter": 10.0, "meter": 1000.0}
_LETTERS = {"b": "batch", "c": "channel", "z": "space", "y": "space", "x": "space", "t": "time", "i": "index"}


@dataclass(frozen=True)
class WeightsEntry:
    """One entry of the description's ``weights``.

    Attributes
    ----------
    format : str
        "pytorch_state_dict", "torchscript", "onnx", ...
    source : str
        The file in the package.
    sha256 : str or None
        Of the file.
    architecture : dict or None
        ``import_from``, ``callable`` and ``kwargs``; ``source`` instead of ``import_from`` for code in the
        package.
    """

    format: str
    source: str
    sha256: str | None
    architecture: dict[str, Any] | None


@dataclass(frozen=True)
class Description:
    """What a description says and what it leaves open.

    Attributes
    ----------
    said : dict
        Fields of :class:`ModelCard` that it states.
    guessed : dict
        Fields that it leaves open, with the default for each.
    weights : tuple of WeightsEntry
    """

    said: dict[str, Any]
    guessed: dict[str, Any]
    weights: tuple[WeightsEntry, ...]


def describe(document: Mapping[str, Any], where: str) -> Description:
    """Read a description.

    Parameters
    ----------
    document : mapping
        As parsed from YAML.
    where : str
        How messages call the file.

    Raises
    ------
    ModelError
        It is not a model's, of another major version, or lacks what every model has; the key is named.
    """
    version = str(document.get("format_version", ""))
    if document.get("type", "model") != "model":
        raise ModelError(f"{where}: type is '{document['type']}'; it must be model.")
    if not version.startswith(("0.5", "0.4")):
        raise ModelError(f"{where}: format_version is '{version}'; it must be 0.5.x or 0.4.x.")
    inputs, outputs = (_tensors(document, key, where) for key in ("inputs", "outputs"))
    if len(inputs) > 1:
        raise ModelError(
            f"{where}: the network takes {len(inputs)} input tensors; it must be one, with the contrasts as "
            "channels."
        )
    axes_in, axes_out = _axes(inputs[0], f"{where}: inputs[0]"), _axes(outputs[0], f"{where}: outputs[0]")
    said: dict[str, Any] = {"name": str(document.get("name") or "Unnamed model"), "raw": dict(document)}
    if document.get("license"):
        said["license"] = str(document["license"])
    guessed: dict[str, Any] = {}
    _space(axes_in, said, where)
    _names("channels", axes_in, said, guessed)
    _names("output_channels", axes_out, said, guessed)
    _processing(inputs[0], outputs[0], said, guessed)
    if said["spatial_dims"] == 2:
        guessed["plane"] = "axial"
    guessed["orientation"] = "RAS"
    config = document.get("config")
    ours = config.get("osuda") if isinstance(config, Mapping) else None
    if isinstance(ours, Mapping):
        # Ours, or prepared for us: what it does not say is at its documented default.
        _check_keys(ours, where)
        said = {**guessed, **said, **{str(k): v for k, v in ours.items() if k != "provenance"}}
        guessed = {}
    return Description(said, guessed, _weights(document, where))


def _tensors(document: Mapping[str, Any], key: str, where: str) -> list[Mapping[str, Any]]:
    tensors = document.get(key)
    if not isinstance(tensors, list) or not tensors or not all(isinstance(t, Mapping) for t in tensors):
        raise ModelError(f"{where}: {key} must be a list of at least one tensor description.")
    return tensors


def _axes(tensor: Mapping[str, Any], where: str) -> list[_Axis]:
    """Axes in the manner of 0.5; letters of 0.4 get the sizes of its ``shape``."""
    axes = tensor.get("axes")
    if isinstance(axes, str):
        return _axes_of_letters(axes, tensor.get("shape"), where)
    if not isinstance(axes, list) or not all(isinstance(axis, Mapping) and "type" in axis for axis in axes):
        raise ModelError(f"{where}.axes must be a list of axes, each with its type.")
    return [dict(axis) for axis in axes]


def _axes_of_letters(letters: str, shape: Any, where: str) -> list[_Axis]:
    unknown = set(letters) - set(_LETTERS)
    if unknown:
        raise ModelError(f"{where}.axes is '{letters}'; it must be of the letters {''.join(_LETTERS)}.")
    sizes: list[Any] = [None] * len(letters)
    if isinstance(shape, list) and len(shape) == len(letters):
        sizes = list(shape)
    elif isinstance(shape, Mapping) and "min" in shape:
        pairs = zip(shape["min"], shape.get("step", [0] * len(letters)), strict=False)
        sizes = [{"min": low, "step": step} if step else low for low, step in pairs]
    elif isinstance(shape, Mapping) and "offset" in shape:
        # A channel count that does not follow the input is given as twice the offset, by the spec of 0.4.
        offsets, scales = shape["offset"], shape.get("scale", [1] * len(letters))
        sizes = [2 * o if not s else None for o, s in zip(offsets, scales, strict=False)]
    sizes += [None] * (len(letters) - len(sizes))
    return [
        {"type": _LETTERS[letter], "id": letter, "size": size}
        for letter, size in zip(letters, sizes, strict=True)
    ]


def _space(axes: Sequence[_Axis], said: dict[str, Any], where: str) -> None:
    space = [axis for axis in axes if axis["type"] == "space"]
    kinds = [axis["type"] for axis in axes]
    if kinds[:2] != ["batch", "channel"] or len(space) not in (2, 3) or len(axes) != 2 + len(space):
        raise ModelError(
            f"{where}: the input's axes are {', '.join(kinds)}; they must be batch, channel and two or "
            "three of space."
        )
    said["spatial_dims"] = len(space)
    minimum, step = [], []
    for axis in space:
        size = axis.get("size")
        if isinstance(size, Mapping) and "min" in size:
            low, by = int(size["min"]), int(size.get("step") or 1)
        elif isinstance(size, int):
            low, by = size, size
        else:
            low, by = 16, 16
        # The sizes that are multiples of the step: what padding to the step gives.
        minimum.append(max(low, 1))
        step.append(max(by, 1))
    said["minimum"], said["step"] = tuple(minimum), tuple(step)
    fixed = all(isinstance(axis.get("size"), int) for axis in space)
    if fixed:
        said["size"] = tuple(minimum)
    pitch = [_millimeters(axis) for axis in space]
    if all(mm is not None for mm in pitch):
        if len(space) == 3:
            said["spacing_mm"] = tuple(pitch)
        elif fixed:
            said["field_of_view_mm"] = tuple(mm * n for mm, n in zip(pitch, minimum, strict=True) if mm)


def _millimeters(axis: _Axis) -> float | None:
    """Distance between the pixels along an axis, where the description gives it a unit of length."""
    scale, unit = axis.get("scale"), _MILLIMETERS.get(str(axis.get("unit")))
    if unit is None or isinstance(scale, bool) or not isinstance(scale, int | float):
        return None
    return scale * unit if 0 < scale * unit < math.inf else None


def _names(key: str, axes: Sequence[_Axis], said: dict[str, Any], guessed: dict[str, Any]) -> None:
    axis = next((axis for axis in axes if axis["type"] == "channel"), None)
    names = axis.get("channel_names") if axis else None
    noun = "channel" if key == "channels" else "class"
    if isinstance(names, list) and names:
        names = tuple(str(name) for name in names)
        # The spec's own conversion of 0.4 writes such names where none were known.
        if all(name.lower() in (f"channel{i}", f"channel_{i}", f"{i}") for i, name in enumerate(names)):
            guessed[key] = names
        else:
            said[key] = names
        return
    count = axis.get("size") if axis else 1
    count = int(count) if isinstance(count, int | float) and count >= 1 and math.isfinite(count) else 1
    if count <= 512:
        guessed[key] = tuple(f"{noun} {i}" for i in range(1, count + 1))


_NORMALIZATIONS = {"zero_mean_unit_variance": "zscore", "scale_range": "percentile_1_99"}


def _processing(
    tensor_in: Mapping[str, Any], tensor_out: Mapping[str, Any], said: dict[str, Any], guessed: dict[str, Any]
) -> None:
    before = [_step(step) for step in tensor_in.get("preprocessing") or []]
    after = [_step(step) for step in tensor_out.get("postprocessing") or []]
    known = next((_NORMALIZATIONS[step] for step in before if step in _NORMALIZATIONS), None)
    guessed["normalisation"] = known or "zscore_nonzero"
    activation = next((step for step in after if step in ("softmax", "sigmoid")), None)
    if activation:
        said["activation"] = activation
    else:
        names = said.get("output_channels") or guessed.get("output_channels") or ("",)
        guessed["activation"] = "sigmoid" if len(names) == 1 else "softmax"


def _step(step: Any) -> str:
    return str(step.get("id", step.get("name", ""))) if isinstance(step, Mapping) else ""


def _check_keys(ours: Mapping[Any, Any], where: str) -> None:
    known = set(ModelCard.model_fields) - {"raw", "architecture"} | {"provenance"}
    for key in ours:
        if key not in known:
            raise ModelError(
                f"{where}: config.osuda.{key} is not a known key; the keys are {', '.join(sorted(known))}."
            )


def _weights(document: Mapping[str, Any], where: str) -> tuple[WeightsEntry, ...]:
    weights = document.get("weights")
    if not isinstance(weights, Mapping) or not weights:
        raise ModelError(f"{where}: weights is missing.")
    entries = []
    for name, entry in weights.items():
        if not isinstance(entry, Mapping):
            continue
        source = entry.get("source")
        if isinstance(source, Mapping):
            source = source.get("source")
        if not isinstance(source, str):
            raise ModelError(f"{where}: weights.{name}.source must be the name of a file in the package.")
        entries.append(
            WeightsEntry(
                str(name), source, entry.get("sha256"), _architecture(entry, f"{where}: weights.{name}")
            )
        )
    return tuple(entries)


def _architecture(entry: Mapping[str, Any], where: str) -> dict[str, Any] | None:
    said = entry.get("architecture")
    if isinstance(said, str):
        # 0.4 writes "package.module.Class", or "file.py:Class" for code in the package.
        source, colon, name = said.rpartition(":")
        kwargs = entry.get("kwargs") or {}
        if colon:
            return {"source": source, "callable": name, "kwargs": kwargs}
        module, _, name = said.rpartition(".")
        return {"import_from": module, "callable": name, "kwargs": kwargs}
    if said is None:
        return None
    if not isinstance(said, Mapping) or not isinstance(said.get("callable"), str):
        raise ModelError(f"{where}.architecture must have a callable, and import_from where that is found.")
    return {**said, "kwargs": said.get("kwargs") or {}}
