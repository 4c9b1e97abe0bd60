"""What nnU-Net v2 writes beside its checkpoints, as typed documents: ``plans.json`` and ``dataset.json``."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from napari_osuda.models.files.documents import Document, Name

__all__ = ["Configuration", "Dataset", "Network", "Plans"]

_Pixels = Annotated[int, Field(ge=1, le=4096)]
_Small = Annotated[int, Field(ge=1, le=64)]
_Figures = Annotated[list[_Small | list[_Small]], Field(min_length=1, max_length=16)]
_Counts = Annotated[list[_Small], Field(min_length=1, max_length=16)]
_Value = Annotated[int, Field(ge=0, le=255)]


class Network(Document):
    """The network, since nnU-Net 2.5: its class and the arguments, of which some are names of operations."""

    network_class_name: Name
    arch_kwargs: dict[str, Any]
    requires_import: list[Name] = Field(
        default=["conv_op", "norm_op", "dropout_op", "nonlin"], alias="_kw_requires_import", max_length=16
    )


class Configuration(Document):
    """One configuration of the plans, with what it inherits."""

    patch_size: Annotated[list[_Pixels], Field(min_length=2, max_length=3)]
    spacing: Annotated[list[Annotated[float, Field(gt=0, le=1e4)]], Field(min_length=2, max_length=3)]
    normalization_schemes: Annotated[list[Name], Field(max_length=512)]
    use_mask_for_norm: Annotated[list[bool], Field(max_length=512)]
    previous_stage: Name | None = None
    architecture: Network | None = None
    # The figures of the network one by one, before nnU-Net 2.5.
    pool_op_kernel_sizes: _Figures | None = None
    conv_kernel_sizes: _Figures | None = None
    UNet_class_name: Name | None = None
    UNet_base_num_features: Annotated[int, Field(ge=1, le=100_000)] | None = None
    unet_max_num_features: Annotated[int, Field(ge=1, le=100_000)] | None = None
    n_conv_per_stage_encoder: _Counts | None = None
    n_conv_per_stage_decoder: _Counts | None = None

    @property
    def dims(self) -> int:
        """2 or 3."""
        return len(self.patch_size)

    @model_validator(mode="after")
    def _agrees(self) -> Configuration:
        if len(self.spacing) != self.dims:
            raise ValueError(f"spacing has {len(self.spacing)} numbers; it must have {self.dims}")
        self.steps()
        return self

    def steps(self) -> tuple[int, ...]:
        """By how much the network makes an image smaller along each axis."""
        strides: Any = self.pool_op_kernel_sizes
        if strides is None and self.architecture is not None:
            strides = self.architecture.arch_kwargs.get("strides")
        if not isinstance(strides, list) or not 1 <= len(strides) <= 16:
            raise ValueError("pool_op_kernel_sizes is missing, and there are no strides in the architecture")
        each = [list(stride) if isinstance(stride, list) else [stride] * self.dims for stride in strides]
        if any(len(s) != self.dims or any(type(n) is not int or not 1 <= n <= 64 for n in s) for s in each):
            raise ValueError(f"strides must be numbers from 1 to 64, {self.dims} for each stage")
        return tuple(math.prod(stride[axis] for stride in each) for axis in range(self.dims))


class Plans(Document):
    """``plans.json``."""

    dataset_name: Name | None = None
    image_reader_writer: Name = ""
    transpose_forward: Annotated[list[Annotated[int, Field(ge=0, le=2)]], Field(max_length=3)] = Field(
        default=[0, 1, 2]
    )
    # Each is typed once it is known which is wanted, and what it inherits.
    configurations: Annotated[dict[str, dict[str, Any]], Field(max_length=100)]

    @field_validator("transpose_forward")
    @classmethod
    def _is_an_order(cls, value: list[int]) -> list[int]:
        if sorted(value) != [0, 1, 2]:
            raise ValueError("it must be an order of the axes 0, 1 and 2")
        return value


class Dataset(Document):
    """``dataset.json``."""

    channel_names: Annotated[dict[str, Name], Field(min_length=1, max_length=512)]
    labels: Annotated[dict[Name, _Value | list[_Value]], Field(min_length=1, max_length=512)]
    regions_class_order: list[_Value] | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_version_1(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("channel_names") and "modality" in data:
            return {**data, "channel_names": data["modality"]}
        return data

    @field_validator("channel_names")
    @classmethod
    def _are_numbered(cls, value: dict[str, str]) -> dict[str, str]:
        if not all(key.isascii() and key.isdecimal() and len(key) < 6 for key in value):
            raise ValueError("its keys must be the numbers of the channels")
        return value
