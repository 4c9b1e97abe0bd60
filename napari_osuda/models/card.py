"""The model card: what has to be known of a segmentation network to feed it and to read its output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from napari_osuda.errors import ModelError
from napari_osuda.models.card_defaults import (
    as_value,
    color_of,
    default_colors,
    default_labels,
    named_regions,
    own_value,
    values_by_name,
)
from napari_osuda.models.card_maps import CardMap, read_map
from napari_osuda.models.card_sizes import check_label_count, check_sizes
from napari_osuda.models.files.documents import Name, sentence_of

__all__ = ["Activation", "Architecture", "ModelCard", "Normalization", "Plane"]

Plane = Literal["axial", "coronal", "sagittal", "volume"]
Normalization = Literal["zscore_nonzero", "zscore_head", "zscore", "percentile_1_99", "range", "none"]
Interpolation = Literal["linear", "points", "cubic"]
Windows = Literal["gaussian", "constant", "even"]
Interpolated = Literal["probabilities", "logits", "nearest"]
Activation = Literal["softmax", "sigmoid", "none"]

_Value = Annotated[int, Field(ge=0, le=255)]
_Size = tuple[Annotated[int, Field(ge=1, le=4096)], ...]
_Lengths = tuple[Annotated[float, Field(ge=0.05, le=1e4)], ...]


class Architecture(BaseModel):
    """Where a network's class comes from and the literal arguments that it is called with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    import_from: str
    callable: str
    kwargs: dict[str, Any] = {}

    def __str__(self) -> str:
        return f"{self.import_from}.{self.callable}"


class ModelCard(BaseModel):
    """What stands in a bioimage.io description and under its ``config.osuda``.

    Attributes
    ----------
    name : str
        What people call the model.
    channels : tuple of str
        MRI contrasts of the input, in order.
    output_channels : tuple of str
        Names of the network's output channels, in order.
    spatial_dims : {2, 3}
        Whether the network takes slices or volumes.
    plane : {"axial", "coronal", "sagittal", "volume"}
        How a volume is sliced; "volume" for 3-D networks.
    orientation : str
        Axis codes of the array that the network was trained on, such as "RAS".
    size : tuple of int or None
        What a slice becomes (a patch, for "volume") in pixels; None: its own extent, padded to ``step``.
    field_of_view_mm : tuple of float or None
        Extent in mm that ``size`` covers; None: the slice's own.
    spacing_mm : tuple of float or None
        Voxel size in mm to which a volume is resampled first, along ``orientation``; None: its own. Slices
        are resampled within their plane.
    crop_to_head : bool
        Whether the network sees the box around the voxels that are not 0, and nothing outside it.
    skull_stripped : bool or None
        Whether the network was trained on brains without skull, all else 0; None: the card does not say.
    step, minimum : tuple of int
        Sizes that the network takes are ``minimum`` plus multiples of ``step``, in pixels.
    window : tuple of int or None
        Size of the overlapping windows in which a larger slice goes through a 2-D network; None: in one
        piece.
    interpolation : {"linear", "points", "cubic"}
        How images are resampled on the way to the network; masks come back linearly. "points": as MONAI's
        Spacing, from the first voxel on without smoothing, and before the normalisation. "cubic": as nnU-Net.
    interpolated : {"probabilities", "logits", "nearest"}
        What is interpolated on the way back; "nearest": each voxel takes what the nearest one has.
    windows : {"gaussian", "constant", "even"}
        How overlapping windows are placed and weighed: as MONAI does, by a Gaussian or alike; or evenly
        spread and by a Gaussian, as nnU-Net does.
    overlap : float
        Share of a window that the next one sees too.
    normalisation : str, or tuple of str for each channel
        "zscore_nonzero", "zscore_head", "zscore", "percentile_1_99", "range" or "none", over the volume.
    intensity_maps : tuple of {"identity", "inverted", "fluid_bright", "both_bright"} or CurveKnots, or None
        What follows the normalisation of each channel: set in a model that was adapted to another contrast.
    mirror_averaging : bool
        Whether a prediction is the mean of those for image and mirror image; not of sagittal slices.
    second_look : bool
        Whether pieces of a mask that are not found again in the image rotated by 180 degrees are removed.
    activation : {"softmax", "sigmoid", "none"}
        What turns the output into probabilities.
    labels : dict of int to str
        Value in the mask: its name. In the order of the output channels.
    colours : dict of int to str
        Value in the mask: ``#rrggbb``.
    regions : dict of str to tuple of int
        Unions of labels that are scored together; for sigmoid outputs whose channels are such regions, what
        each channel means.
    architecture : Architecture or None
        None where the network came as a program (TorchScript, ONNX) and not as a class.
    license : str or None
        SPDX identifier.
    raw : dict
        The description as it was read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name = "Unnamed model"
    channels: tuple[Name, ...] = Field(min_length=1, max_length=512)
    output_channels: tuple[Name, ...] = Field(min_length=1, max_length=512)
    spatial_dims: Literal[2, 3]
    plane: Plane
    orientation: str = "RAS"
    size: _Size | None = None
    field_of_view_mm: _Lengths | None = None
    spacing_mm: _Lengths | None = None
    crop_to_head: bool = False
    skull_stripped: bool | None = None
    window: _Size | None = None
    interpolation: Interpolation = "linear"
    interpolated: Interpolated = "probabilities"
    windows: Windows = "gaussian"
    overlap: float = Field(default=0.5, ge=0, le=0.9)
    step: _Size
    minimum: _Size
    normalisation: Normalization | tuple[Normalization, ...] = "zscore_nonzero"
    intensity_maps: tuple[CardMap, ...] | None = None
    mirror_averaging: bool = False
    second_look: bool = False
    activation: Activation = "softmax"
    labels: dict[_Value, Name] = Field(min_length=2)
    colours: dict[_Value, str]
    regions: dict[Name, tuple[_Value, ...]] = Field(default={}, max_length=256)
    architecture: Architecture | None = None
    license: Name | None = None
    raw: dict[str, Any] = Field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, where: str = "config.osuda", **fields: Any) -> ModelCard:
        """A card from its fields, with defaults for those not given.

        Parameters
        ----------
        where : str
            How a message calls the place of the fields.
        **fields
            The attributes of this class; only ``channels`` has no default.

        Raises
        ------
        ModelError
            A field is unknown or its value not allowed; the sentence names both and what is allowed.
        """
        try:
            return cls(**fields)
        except ValidationError as error:
            raise ModelError(sentence_of(error, where, cls)) from None

    @model_validator(mode="before")
    @classmethod
    def _with_defaults(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        data = dict(data)
        dims = data.setdefault("spatial_dims", 3 if data.get("plane") == "volume" else 2)
        data.setdefault("plane", "volume" if dims == 3 else "axial")
        if dims in (2, 3):
            data.setdefault("step", (16,) * dims)
            data.setdefault("minimum", data["step"])
        given_names = data.get("output_channels")
        names = [str(name) for name in given_names] if isinstance(given_names, list | tuple) else []
        if len(names) == 1:
            data.setdefault("activation", "sigmoid")
        labels = data.get("labels")
        if labels is None and names:
            labels = data["labels"] = default_labels(names, data.get("activation"))
        if isinstance(labels, Mapping):
            data.setdefault("output_channels", tuple(str(name) for name in labels.values()))
            colours = default_colors(labels)
            given = data.get("colours") or {}
            if isinstance(given, Mapping):
                data["colours"] = {**colours, **{as_value(key): value for key, value in given.items()}}
        return data

    @field_validator("normalisation", mode="before")
    @classmethod
    def _is_known(cls, value: Any) -> Any:
        names = [name.strip() for name in value.split(",")] if isinstance(value, str) else value
        known = get_args(Normalization)
        if not isinstance(names, list | tuple) or not names or any(name not in known for name in names):
            raise ValueError(f"it must be one of {', '.join(known)}, or one of these for each channel")
        return names[0] if len(set(names)) == 1 else tuple(names)

    @field_validator("intensity_maps", mode="before")
    @classmethod
    def _is_a_map(cls, value: Any) -> Any:
        return tuple(map(read_map, value)) if isinstance(value, list | tuple) else value

    @field_validator("orientation")
    @classmethod
    def _is_axis_codes(cls, value: str) -> str:
        code = value.upper()
        if sorted(_axis(c) for c in code) != [0, 1, 2]:
            raise ValueError("it must be three axis codes, one each of R or L, A or P, S or I, such as RAS")
        return code

    @field_validator("channels", "output_channels")
    @classmethod
    def _are_different(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("its names must be different")
        return value

    @field_validator("colours")
    @classmethod
    def _are_colors(cls, value: dict[int, str]) -> dict[int, str]:
        for label, color in value.items():
            digits = color.removeprefix("#")
            if len(digits) != 6 or any(d not in "0123456789abcdefABCDEF" for d in digits):
                raise ValueError(f"the color of {label} must be written #rrggbb")
        return value

    @model_validator(mode="after")
    def _agrees(self) -> ModelCard:
        if (self.plane == "volume") != (self.spatial_dims == 3):
            allowed = "volume" if self.spatial_dims == 3 else "axial, coronal, sagittal"
            raise ValueError(
                f"plane is '{self.plane}', but the network is {self.spatial_dims}-D; it must be one of "
                f"{allowed}"
            )
        check_sizes(
            self.spatial_dims,
            {key: getattr(self, key) for key in ("size", "step", "minimum", "window")},
            self.field_of_view_mm,
        )
        if self.intensity_maps is not None and len(self.intensity_maps) != len(self.channels):
            raise ValueError(
                f"intensity_maps has {len(self.intensity_maps)} names; it must have one for each of the "
                f"{len(self.channels)} channels"
            )
        if isinstance(self.normalisation, tuple) and len(self.normalisation) != len(self.channels):
            raise ValueError(
                f"normalisation has {len(self.normalisation)} names; it must have one for each of the "
                f"{len(self.channels)} channels"
            )
        if self.spacing_mm is not None and len(self.spacing_mm) != 3:
            raise ValueError(f"spacing_mm has {len(self.spacing_mm)} numbers; it must have 3")
        if not self.overlapping:
            check_label_count(self.activation, len(self.output_channels), self.labels)
        unknown = {v for values in self.regions.values() for v in values} - set(self.labels)
        if unknown:
            raise ValueError(
                f"regions names {sorted(unknown)}, which are not among the labels {list(self.labels)}"
            )
        return self

    @property
    def overlapping(self) -> bool:
        """Whether the output channels are regions that overlap, such as BraTS's TC, WT and ET."""
        return self.activation != "softmax" and all(name in self.regions for name in self.output_channels)

    @property
    def scored_regions(self) -> dict[str, tuple[int, ...]]:
        """What is scored and measured together: the regions, or else each label but the background."""
        return named_regions(self.labels, self.regions)

    def color_of(self, value: int) -> str:
        """The ``#rrggbb`` of a value; a gray where the card names none."""
        return color_of(self.colours, value)

    @property
    def channel_values(self) -> tuple[int, ...]:
        """The value in the mask that each output channel stands for, in the order of the channels.

        Of overlapping regions, the value that no smaller region inside it claims. Where channels and labels
        have the same names, these say which belongs to which; else their order does.
        """
        if self.overlapping:
            return tuple(own_value(name, self.regions) for name in self.output_channels)
        values = list(self.labels)
        if len(values) > len(self.output_channels):
            values = [value for value in values if value != 0]
        return values_by_name(self.output_channels, {value: self.labels[value] for value in values})


def _axis(code: str) -> int:
    return next((axis for axis, codes in enumerate(("RL", "AP", "SI")) if code in codes), -1)
