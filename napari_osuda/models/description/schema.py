"""A bioimage.io description as typed documents: spec 0.5, and 0.4 brought into the same shape.

https://github.com/bioimage-io/spec-bioimage-io; format_version 0.5.x (``bioimageio.yaml``) and
0.4.x (``rdf.yaml``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from napari_osuda.errors import shown
from napari_osuda.models.files.documents import Document, Name, Text

__all__ = ["Axis", "ModelDocument", "ProcessingStep", "Range", "TensorDocument", "WeightsDocument"]

_LETTERS = {"b": "batch", "c": "channel", "z": "space", "y": "space", "x": "space", "t": "time", "i": "index"}
_Extent = Annotated[int, Field(ge=0, le=2**20)]
_Extents = Annotated[list[_Extent], Field(max_length=8)]
_Factor = Annotated[float, Field(ge=-(2**20), le=2**20, allow_inf_nan=False)]
_Factors = Annotated[list[_Factor | None], Field(max_length=8)]


class Range(Document):
    """Sizes that are ``min`` and multiples of ``step`` more."""

    min: _Extent
    step: _Extent = 0


class _Elsewhere(Document):
    """A size that follows another axis, or the data."""


class Axis(Document):
    """An axis of a tensor."""

    type: Literal["batch", "channel", "space", "time", "index"]
    id: Name | None = None
    size: _Extent | Range | _Elsewhere | None = None
    scale: Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)] | None = None
    unit: Name | None = None
    channel_names: Annotated[list[Name], Field(max_length=512)] | None = None


class ProcessingStep(Document):
    """A step of the processing: ``id`` in 0.5, ``name`` in 0.4."""

    id: Name
    kwargs: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _of_0_4(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            return {"id": data.get("id", data.get("name")), "kwargs": data.get("kwargs") or {}}
        return data


class _Shape(Document):
    """The shape of a tensor in 0.4: of an input by ``min`` and ``step``, of an output by the input's."""

    min: _Extents | None = None
    step: _Extents | None = None
    offset: _Factors | None = None
    scale: _Factors | None = None


class TensorDocument(Document):
    """An input or an output."""

    axes: Annotated[list[Axis], Field(min_length=1, max_length=8)]
    preprocessing: list[ProcessingStep] = Field(default_factory=list, max_length=50)
    postprocessing: list[ProcessingStep] = Field(default_factory=list, max_length=50)

    @model_validator(mode="before")
    @classmethod
    def _of_0_4(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        data = {key: value for key, value in data.items() if value is not None}
        if isinstance(data.get("axes"), str):
            data["axes"] = _axes_of_letters(data["axes"], data.get("shape"))
        return data


def _axes_of_letters(letters: str, shape: Any) -> list[dict[str, Any]]:
    if not 0 < len(letters) <= 8 or set(letters) - set(_LETTERS):
        raise ValueError(f"axes is {shown(letters)}; it must be of the letters {''.join(_LETTERS)}")
    if isinstance(shape, Mapping):
        sizes = _sizes(_Shape.model_validate(shape), len(letters))
    else:
        sizes = list(shape) if isinstance(shape, list) and len(shape) == len(letters) else []
    sizes += [None] * (len(letters) - len(sizes))
    return [
        {"type": _LETTERS[letter], "id": letter, "size": size}
        for letter, size in zip(letters, sizes, strict=True)
    ]


def _sizes(shape: _Shape, count: int) -> list[Any]:
    if shape.min is not None:
        pairs = zip(shape.min[:count], shape.step or [0] * count, strict=False)
        return [{"min": low, "step": step} if step else low for low, step in pairs]
    if shape.offset is not None:
        # A channel count that does not follow the input is given as twice the offset, by the spec of 0.4.
        pairs_out = zip(shape.offset[:count], shape.scale or [1.0] * count, strict=False)
        return [int(2 * (offset or 0)) if not scale else None for offset, scale in pairs_out]
    return []


class _Architecture(Document):
    """The network's class: from a library, or from a file of the package."""

    callable: Name
    import_from: Name | None = None
    source: Name | None = None
    kwargs: dict[str, Any] = Field(default_factory=dict)

    @field_validator("kwargs", mode="before")
    @classmethod
    def _none_is_empty(cls, value: Any) -> Any:
        return {} if value is None else value


class WeightsDocument(Document):
    """One entry of ``weights``."""

    source: Text
    sha256: Name | None = None
    architecture: _Architecture | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_0_4(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        data = dict(data)
        if isinstance(data.get("source"), Mapping):
            data["source"] = data["source"].get("source")
        said = data.get("architecture")
        if isinstance(said, str):
            # "package.module.Class", or "file.py:Class" for code in the package.
            module, colon, name = said.rpartition(":")
            if not colon:
                module, _, name = said.rpartition(".")
            kind = "source" if colon else "import_from"
            data["architecture"] = {kind: module, "callable": name, "kwargs": data.get("kwargs")}
        return data


class ModelDocument(Document):
    """The whole description."""

    format_version: str
    type: str = "model"
    name: Name | None = None
    license: Name | None = None
    inputs: Annotated[list[TensorDocument], Field(min_length=1, max_length=64)]
    outputs: Annotated[list[TensorDocument], Field(min_length=1, max_length=64)]
    weights: Annotated[dict[str, WeightsDocument], Field(min_length=1, max_length=32)]
    config: dict[str, Any] = Field(default_factory=dict)

    @field_validator("format_version", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int | float) else value

    @field_validator("license", mode="before")
    @classmethod
    def _if_named(cls, value: Any) -> Any:
        # Older descriptions have other things here, none of which is needed.
        return value if isinstance(value, str) and len(value) <= 200 else None

    @field_validator("config", mode="before")
    @classmethod
    def _if_mapping(cls, value: Any) -> Any:
        return {str(key): inner for key, inner in value.items()} if isinstance(value, Mapping) else {}
