"""A bioimage.io description (spec 0.5 or 0.4) in terms of the model card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from napari_osuda.errors import ModelError, shown
from napari_osuda.models.card import ModelCard
from napari_osuda.models.description.processing import describe_processing
from napari_osuda.models.description.schema import Axis, ModelDocument, Range, WeightsDocument
from napari_osuda.models.files.documents import typed

__all__ = ["Description", "describe", "provenance_of"]

_MILLIMETERS = {"millimeter": 1.0, "micrometer": 1e-3, "centimeter": 10.0, "meter": 1000.0}


@dataclass(frozen=True)
class Description:
    """What a description says and what it leaves open.

    Attributes
    ----------
    said : dict
        Fields of :class:`ModelCard` that it states.
    guessed : dict
        Fields that it leaves open, with the default for each.
    weights : dict of str to WeightsDocument
        By format: "pytorch_state_dict", "torchscript", "onnx", ...
    notes : tuple of str
        What the user should know of what cannot be done as it says.
    """

    said: dict[str, Any]
    guessed: dict[str, Any]
    weights: dict[str, WeightsDocument]
    notes: tuple[str, ...] = ()


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
    version, kind = document.get("format_version", ""), document.get("type", "model")
    if kind != "model":
        raise ModelError(f"{where}: type is {shown(kind)}; it must be model.")
    if not str(version).startswith(("0.5", "0.4")):
        raise ModelError(f"{where}: format_version is {shown(version)}; it must be 0.5.x or 0.4.x.")
    model = typed(ModelDocument, document, where)
    if len(model.inputs) > 1:
        raise ModelError(
            f"{where}: the network takes {len(model.inputs)} input tensors; it must be one, with the "
            "contrasts as channels."
        )
    tensor, output = model.inputs[0], model.outputs[0]
    raw = {str(key): value for key, value in document.items()}
    said: dict[str, Any] = {"name": model.name or "Unnamed model", "raw": raw}
    if model.license:
        said["license"] = model.license
    guessed: dict[str, Any] = {}
    _space(tensor.axes, said, where)
    _names("channels", tensor.axes, said, guessed)
    _names("output_channels", output.axes, said, guessed)
    notes = describe_processing(tensor.axes, tensor.preprocessing, output.postprocessing, said, guessed)
    if said["spatial_dims"] == 2:
        guessed["plane"] = "axial"
    guessed["orientation"] = "RAS"
    ours = model.config.get("osuda")
    if isinstance(ours, Mapping):
        # Ours, or prepared for us: what it does not say is at its documented default.
        _check_keys(ours, where)
        said = {**guessed, **said, **{str(k): v for k, v in ours.items() if k != "provenance"}}
        guessed, notes = {}, ()
    return Description(said, guessed, model.weights, notes)


def _space(axes: Sequence[Axis], said: dict[str, Any], where: str) -> None:
    space = [axis for axis in axes if axis.type == "space"]
    kinds = [axis.type for axis in axes]
    if kinds[:2] != ["batch", "channel"] or len(space) not in (2, 3) or len(axes) != 2 + len(space):
        raise ModelError(
            f"{where}: the input's axes are {', '.join(kinds)}; they must be batch, channel and two or "
            "three of space."
        )
    said["spatial_dims"] = len(space)
    # The sizes that are multiples of the step: what padding to the step gives.
    pairs = [_low_and_step(axis.size) for axis in space]
    said["minimum"], said["step"] = (tuple(max(pair[i], 1) for pair in pairs) for i in (0, 1))
    fixed = all(isinstance(axis.size, int) for axis in space)
    if fixed:
        said["size"] = said["minimum"]
    pitch = [_millimeters(axis) for axis in space]
    if all(mm is not None for mm in pitch):
        if len(space) == 3:
            said["spacing_mm"] = tuple(pitch)
        elif fixed:
            sizes = zip(pitch, said["minimum"], strict=True)
            said["field_of_view_mm"] = tuple(mm * n for mm, n in sizes if mm)


def _low_and_step(size: object) -> tuple[int, int]:
    if isinstance(size, Range):
        return size.min, size.step
    return (size, size) if isinstance(size, int) else (16, 16)


def _millimeters(axis: Axis) -> float | None:
    """Distance between the pixels along an axis, where the description gives it a unit of length."""
    unit = _MILLIMETERS.get(axis.unit or "")
    return axis.scale * unit if axis.scale and unit else None


def _names(key: str, axes: Sequence[Axis], said: dict[str, Any], guessed: dict[str, Any]) -> None:
    axis = next((axis for axis in axes if axis.type == "channel"), None)
    noun = "channel" if key == "channels" else "class"
    if axis is not None and axis.channel_names:
        names = tuple(axis.channel_names)
        # The spec's own conversion of 0.4 writes such names where none were known.
        if all(name.lower() in (f"channel{i}", f"channel_{i}", f"{i}") for i, name in enumerate(names)):
            guessed[key] = names
        else:
            said[key] = names
        return
    count = axis.size if axis is not None and isinstance(axis.size, int) else 1
    if count <= 512:
        guessed[key] = tuple(f"{noun} {i}" for i in range(1, max(count, 1) + 1))


def _check_keys(ours: Mapping[Any, Any], where: str) -> None:
    known = set(ModelCard.model_fields) - {"raw", "architecture"} | {"provenance"}
    for key in ours:
        if key not in known:
            raise ModelError(
                f"{where}: config.osuda.{str(key)[:60]} is not a known key; the keys are "
                f"{', '.join(sorted(known))}."
            )


def provenance_of(card: ModelCard) -> Mapping[str, Any]:
    """What a model folder says of where the model comes from, unchecked; empty where it says nothing."""
    found: Any = card.raw
    for key in ("config", "osuda", "provenance"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}
