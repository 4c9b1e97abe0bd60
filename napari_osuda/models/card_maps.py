"""What may follow the normalization of a channel: a named intensity map, or a curve that was fitted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["CurveKnots", "IntensityMap", "MapName"]

MapName = Literal["identity", "inverted", "fluid_bright", "both_bright"]
_Knot = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]


class CurveKnots(BaseModel):
    """An intensity curve that was fitted: standard scores of the head, and what they become."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    x: tuple[_Knot, ...] = Field(min_length=2, max_length=256)
    y: tuple[_Knot, ...] = Field(min_length=2, max_length=256)

    @model_validator(mode="after")
    def _is_a_curve(self) -> CurveKnots:
        if len(self.x) != len(self.y) or any(b <= a for a, b in zip(self.x, self.x[1:], strict=False)):
            raise ValueError("an intensity curve needs x in ascending order and as many y")
        return self


IntensityMap = MapName | CurveKnots
