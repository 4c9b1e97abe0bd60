"""The description of a bioimage.io 0.5 model folder: ``bioimageio.yaml``, and the README beside it."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch

from napari_osuda.models.card import ModelCard

__all__ = ["FORMAT_VERSION", "model_document", "readme_of"]

FORMAT_VERSION = "0.5.12"
_NAME_CHARACTERS = frozenset(string.ascii_letters + string.digits + "_+- ()")


def model_document(
    card: ModelCard, files: Mapping[str, bytes], provenance: Mapping[str, Any] | None, fields: dict[str, Any]
) -> dict[str, Any]:
    """The description of a model.

    Parameters
    ----------
    card : ModelCard
    files : mapping of str to bytes
        ``weights.pt``, ``test_input.npy``, ``test_output.npy`` and ``README.md``: their hashes are told.
    provenance : mapping or None
        Kept under ``config.osuda.provenance``.
    fields : dict
        Further fields of the description; taken out as they are used.

    Returns
    -------
    dict
        Plain values, for YAML.
    """
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    axes_in, axes_out = _axes(card)
    timestamp = fields.pop("timestamp", datetime.now(UTC).replace(microsecond=0).isoformat())
    description = fields.pop("description", _sentence_of(card))
    return {
        "format_version": FORMAT_VERSION,
        "type": "model",
        "name": _name(card.name),
        "description": str(description)[:1024],
        "authors": fields.pop("authors", [{"name": "napari-osuda"}]),
        "cite": fields.pop("cite", [_CITATION]),
        # A license that nobody gave is not ours to give.
        **({"license": card.license} if card.license else {}),
        "documentation": {"source": "README.md", "sha256": hashes["README.md"]},
        "timestamp": timestamp,
        **fields,
        "inputs": [
            {
                "id": "raw",
                "description": "MR contrasts, normalized as config.osuda says",
                "axes": axes_in,
                "data": {"type": "float32"},
                "test_tensor": {"source": "test_input.npy", "sha256": hashes["test_input.npy"]},
            }
        ],
        "outputs": [
            {
                "id": "logits" if card.activation != "none" else "probability",
                "axes": axes_out,
                "data": {"type": "float32"},
                "test_tensor": {"source": "test_output.npy", "sha256": hashes["test_output.npy"]},
            }
        ],
        "weights": _weights(card, hashes["weights.pt"]),
        "config": {"osuda": _osuda(card, provenance)},
    }


def _weights(card: ModelCard, sha256: str) -> dict[str, Any]:
    version = torch.__version__.partition("+")[0]
    entry: dict[str, Any] = {"source": "weights.pt", "sha256": sha256, "pytorch_version": version}
    if card.architecture is None:
        return {"torchscript": entry}
    return {"pytorch_state_dict": {**entry, "architecture": card.architecture.model_dump(mode="json")}}


_CITATION = {
    "text": "Liu et al., Adapting Off-the-Shelf Source Segmenter for Target Medical Image Segmentation, "
    "MICCAI 2021",
    "doi": "10.48550/arXiv.2106.12497",
}


_IF_SET = ("intensity_maps", "mirror_averaging", "second_look", "crop_to_head", "window")
_UNLESS_DEFAULT = ("interpolation", "interpolated", "windows", "overlap")


def _osuda(card: ModelCard, provenance: Mapping[str, Any] | None) -> dict[str, Any]:
    keys = (
        "plane", "orientation", "size", "field_of_view_mm", "spacing_mm", "step", "minimum", "normalisation",
        "activation", "labels", "colours", "regions",
        *(key for key in _IF_SET if getattr(card, key)),
        *(key for key in _UNLESS_DEFAULT if getattr(card, key) != ModelCard.model_fields[key].default),
        *(["skull_stripped"] if card.skull_stripped is not None else []),
    )  # fmt: skip
    values = card.model_dump(mode="json", include=set(keys))
    config = {key: values[key] for key in keys}
    # JSON's keys are texts; YAML keeps the mask's values as the numbers that they are.
    for key in ("labels", "colours"):
        config[key] = {int(value): name for value, name in config[key].items()}
    if provenance:
        config["provenance"] = _plain(provenance)
    return config


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        return value.item()
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _axes(card: ModelCard) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    ids = ("z", "y", "x")[-card.spatial_dims :]
    scales = _scales(card)
    inputs: list[dict[str, Any]] = [
        {"type": "batch"},
        {"type": "channel", "channel_names": list(card.channels)},
    ]
    outputs: list[dict[str, Any]] = [
        {"type": "batch"},
        {"type": "channel", "channel_names": list(card.output_channels)},
    ]
    for axis, low, step, scale in zip(ids, card.minimum, card.step, scales, strict=True):
        unit = {"unit": "millimeter", "scale": scale} if scale else {}
        inputs.append({"type": "space", "id": axis, "size": {"min": low, "step": step}, **unit})
        outputs.append({"type": "space", "id": axis, "size": {"tensor_id": "raw", "axis_id": axis}, **unit})
    return inputs, outputs


def _scales(card: ModelCard) -> Sequence[float | None]:
    """Pixel size in mm along the network's axes, where the card fixes it."""
    if card.size and card.field_of_view_mm:
        return [round(mm / pixels, 6) for mm, pixels in zip(card.field_of_view_mm, card.size, strict=True)]
    if card.spacing_mm and card.spatial_dims == 3:
        return card.spacing_mm
    return [None] * card.spatial_dims


def _name(name: str) -> str:
    """The name in the characters that the spec allows, 5 to 128 of them."""
    allowed = "".join(c if c in _NAME_CHARACTERS else "-" for c in name)[:128]
    return allowed if len(allowed) >= 5 else f"Model {allowed}"


def _sentence_of(card: ModelCard) -> str:
    labels = ", ".join(name for value, name in card.labels.items() if value != 0)
    return f"Segments {labels} from {', '.join(card.channels)} MRI."


def readme_of(card: ModelCard, provenance: Mapping[str, Any] | None) -> str:
    """The text of README.md of a model folder."""
    lines = [f"# {card.name}", "", _sentence_of(card), ""]
    if provenance:
        lines += [
            "## How it came about",
            "",
            *(f"- {key}: {_plain(value)}" for key, value in provenance.items()),
            "",
        ]
    lines += [
        "## Validation",
        "",
        "Compare its masks with references of your own scanner before use: `napari-osuda evaluate`.",
        "A network that was adapted without labels can get worse as well as better.",
        "",
    ]
    return "\n".join(lines)
