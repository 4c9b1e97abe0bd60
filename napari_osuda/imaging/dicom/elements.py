"""The one place where a DICOM header becomes typed: the elements that are used, as plain values in bounds.

What a file says stands in pydicom's classes and as its maker wrote it: texts for numbers, lists for one
value, nothing. From here on it is what the standard wants, or a sentence.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from napari_osuda.errors import shown

__all__ = ["FrameElements", "HeaderElements", "PixelElements", "elements_of", "text_of"]

_LONGEST_TEXT = 1024
# No scanner's value is larger, and squares of it are numbers still.
_FARTHEST_MM, _LARGEST_MM, _LARGEST_VALUE = 1e6, 1e4, 1e30
_MOST_VALUES = 64
_UNIT, _SLANTED = 1e-2, 0.2

_Finite = Annotated[float, Field(ge=-_LARGEST_VALUE, le=_LARGEST_VALUE, allow_inf_nan=False)]
_Place = Annotated[float, Field(ge=-_FARTHEST_MM, le=_FARTHEST_MM, allow_inf_nan=False)]
_Cosine = Annotated[float, Field(ge=-2, le=2, allow_inf_nan=False)]
_Size = Annotated[float, Field(gt=0, le=_LARGEST_MM, allow_inf_nan=False)]
_Extent = Annotated[int, Field(ge=1, le=65535)]
# Some programs write 0 into files of one frame.
_Count = Annotated[int, BeforeValidator(lambda value: 1 if value == 0 else value), Field(ge=1, le=10**6)]
_Few = Field(max_length=_MOST_VALUES)


def _if_number(value: Any) -> Any:
    """A thickness that is none, as some programs write 0 or nothing, counts as left out."""
    usable = isinstance(value, int | float) and 0 < abs(value) <= _LARGEST_MM
    return abs(value) if usable else None


def _if_whole(value: Any) -> Any:
    """What only helps to tell slices apart counts as left out where it is no number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _if_finite(value: Any) -> Any:
    return float(value) if isinstance(value, int | float) and abs(value) <= _LARGEST_VALUE else None


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class _Elements(BaseModel):
    """Elements by the keywords of the standard."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)


class FrameElements(_Elements):
    """Where a slice lies, and what its stored values mean; None where it is not said.

    Attributes
    ----------
    position, orientation : tuple of float
        ImagePositionPatient, in mm, and ImageOrientationPatient: LPS.
    spacing : tuple of float
        PixelSpacing, in mm: from row to row, from column to column.
    between, thickness : float
        SpacingBetweenSlices and SliceThickness, in mm, above 0.
    slope, intercept : float
        RescaleSlope and RescaleIntercept.
    number : int
        InstanceNumber.
    echo_ms, time, b_value : float
        EchoTime, TemporalPositionIdentifier and DiffusionBValue: the same in all slices of one volume.
    """

    position: tuple[_Place, _Place, _Place] | None = Field(None, alias="ImagePositionPatient")
    orientation: tuple[_Cosine, _Cosine, _Cosine, _Cosine, _Cosine, _Cosine] | None = Field(
        None, alias="ImageOrientationPatient"
    )
    spacing: tuple[_Size, _Size] | None = Field(None, alias="PixelSpacing")
    between: Annotated[float | None, BeforeValidator(_if_number)] = Field(None, alias="SpacingBetweenSlices")
    thickness: Annotated[float | None, BeforeValidator(_if_number)] = Field(None, alias="SliceThickness")
    slope: _Finite | None = Field(None, alias="RescaleSlope")
    intercept: _Finite | None = Field(None, alias="RescaleIntercept")
    number: Annotated[int | None, BeforeValidator(_if_whole)] = Field(None, alias="InstanceNumber")
    echo_ms: Annotated[float | None, BeforeValidator(_if_number)] = Field(None, alias="EchoTime")
    time: Annotated[float | None, BeforeValidator(_if_number)] = Field(
        None, alias="TemporalPositionIdentifier"
    )
    b_value: Annotated[float | None, BeforeValidator(_if_finite)] = Field(None, alias="DiffusionBValue")

    @field_validator("orientation")
    @classmethod
    def _two_directions(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is not None:
            row, column = value[:3], value[3:]
            lengths = [sum(v * v for v in direction) ** 0.5 for direction in (row, column)]
            across = sum(a * b for a, b in zip(row, column, strict=True))
            if any(abs(length - 1) > _UNIT for length in lengths) or abs(across) > _SLANTED:
                raise ValueError("it is not two directions across each other")
        return value


class HeaderElements(FrameElements):
    """What a file says of its picture.

    Attributes
    ----------
    rows, columns, frames : int
        Rows, Columns and NumberOfFrames; 1 frame where it is not said.
    kinds : tuple of str
        ImageType.
    matrix : tuple of int
        AcquisitionMatrix, without its zeros.
    bits_stored, high_bit : int
        BitsStored and HighBit: how many bits a value has, and the highest of them.
    """

    rows: _Extent = Field(alias="Rows")
    columns: _Extent = Field(alias="Columns")
    frames: _Count = Field(1, alias="NumberOfFrames")
    kinds: Annotated[tuple[str | None, ...], BeforeValidator(_several), Field(max_length=_MOST_VALUES)] = (
        Field((), alias="ImageType")
    )
    matrix: Annotated[tuple[int, ...], Field(max_length=_MOST_VALUES)] = Field((), alias="AcquisitionMatrix")
    bits_stored: Annotated[int, Field(ge=0, le=64)] | None = Field(None, alias="BitsStored")
    high_bit: Annotated[int, Field(ge=0, le=64)] | None = Field(None, alias="HighBit")


class PixelElements(_Elements):
    """How a file's pixels are stored.

    Attributes
    ----------
    samples, bits : int
        SamplesPerPixel, and BitsAllocated to each.
    """

    rows: _Extent = Field(alias="Rows")
    columns: _Extent = Field(alias="Columns")
    frames: _Count = Field(1, alias="NumberOfFrames")
    samples: Annotated[int, Field(ge=1, le=4)] = Field(1, alias="SamplesPerPixel")
    bits: Annotated[int, Field(ge=1, le=64)] = Field(16, alias="BitsAllocated")


_E = TypeVar("_E", bound=_Elements)


def elements_of(kind: type[_E], items: Iterable[Any]) -> _E:
    """Elements, each from the first of some data sets that has it.

    Parameters
    ----------
    kind : type
        `FrameElements`, `HeaderElements` or `PixelElements`.
    items : iterable of pydicom Dataset
        The header, or the items of a frame's functional groups and then those that all frames share.

    Raises
    ------
    ValueError
        One that is needed is missing, or one has a value of another type or out of bounds. The text names
        it, and can be shown.
    """
    found: dict[str, Any] = {}
    wanted = [str(field.alias) for field in kind.model_fields.values()]
    for item in items:
        for name in wanted:
            if found.get(name) is None and (value := _value(item, name)) is not None:
                found[name] = value
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        if first["type"] == "missing":
            raise ValueError(f"there is no {name}") from None
        reason = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
        raise ValueError(f"{name} is {shown(found[name])}: {reason[0].lower()}{reason[1:]}") from None


def text_of(dataset: Any, name: str) -> str:
    """A text of a header, "" where there is none or none that can be read."""
    try:
        return str(getattr(dataset, name, None) or "").strip()[:_LONGEST_TEXT]
    except Exception:  # pydicom has no base class for what a damaged value does
        return ""


def _value(dataset: Any, name: str) -> Any:
    """An element as plain values; ValueError where pydicom can make nothing of it."""
    try:
        return _plain(getattr(dataset, name, None))
    except Exception as error:  # pydicom has no base class for what a damaged value does
        raise ValueError(f"{name} cannot be read ({shown(str(error))})") from None


def _plain(value: Any) -> Any:
    """Pydicom's numbers, texts and lists as Python's own."""
    if value is None or isinstance(value, bool | bytes):
        return value
    if isinstance(value, str):
        return str(value).strip() or None
    for plain in (int, float):
        if isinstance(value, plain):
            return plain(value)
    values = tuple(_plain(inner) for inner, _ in zip(value, range(_MOST_VALUES + 1), strict=False))
    return values or None
