"""What may follow the normalization of a channel: a named intensity map, or a curve that was fitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

__all__ = ["CardMap", "CurveKnots", "MapName", "read_map"]

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


CardMap = MapName | CurveKnots


def read_map(given: Any) -> Any:
    """A map by its name (cards of earlier releases have "turned"), or a curve's knots."""
    if isinstance(given, Mapping):
        try:
            return CurveKnots(**given)
        except (ValidationError, TypeError):
            raise ValueError("a curve needs the lists x, in ascending order, and y, as long as x") from None
    name = "inverted" if given == "turned" else given
    if not isinstance(name, CurveKnots) and name not in get_args(MapName):
        raise ValueError(f"each must be one of {', '.join(get_args(MapName))}, or a curve with x and y")
    return name
