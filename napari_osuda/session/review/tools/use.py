"""Which tool is used, on what, with which parameters: one record, from the panel to the log."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Scope", "Tool", "ToolUse"]


class Tool(enum.StrEnum):
    """What can be done to a mask, by the names that ``review.json`` has for them."""

    FILL_HOLES = "fill holes"
    REMOVE_ISLANDS = "remove islands"
    SMOOTH = "smooth"
    INTERPOLATE = "interpolate"
    GROW = "grow"
    PAINT_IN_RANGE = "paint in range"
    BRING_BACK = "bring back"


class Scope(enum.StrEnum):
    """Where: the current slice, every slice of the plane by itself, or the volume in 3-D."""

    SLICE = "slice"
    SLICES = "each slice"
    VOLUME = "volume"


@dataclass(frozen=True)
class ToolUse:
    """One use of a tool.

    Attributes
    ----------
    tool : Tool
    label : int or None
        Value of the label that it is for; None: all labels.
    scope : Scope
    ml : float or None
        Of `Tool.REMOVE_ISLANDS`: parts smaller than this are removed.
    mm : float or None
        Of `Tool.SMOOTH`: standard deviation of the Gaussian. Of `Tool.GROW`: the farthest reach.
    low, high : float or None
        Of `Tool.GROW` and `Tool.PAINT_IN_RANGE`: intensities of the image.
    image : str
        Which image these are of.
    piece : int or None
        Of `Tool.BRING_BACK`: its number, as `napari_osuda.evaluation.lost_pieces` gives it.
    """

    tool: Tool
    label: int | None = None
    scope: Scope = Scope.SLICE
    ml: float | None = None
    mm: float | None = None
    low: float | None = None
    high: float | None = None
    image: str = ""
    piece: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it; what the tool does not have is left out."""
        values = {key: getattr(self, key) for key in ("label", "ml", "mm", "low", "high", "piece")}
        given = {key: value for key, value in values.items() if value is not None}
        return {"tool": self.tool.value, "scope": self.scope.value, **given} | (
            {"image": self.image} if self.image else {}
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ToolUse:
        """Inverse of `to_dict`.

        Raises
        ------
        ValueError
            The values are not those of a tool.
        """
        numbers = {key: values.get(key) for key in ("ml", "mm", "low", "high")}
        for key, value in numbers.items():
            if value is not None and not _is_number(value):
                raise ValueError(f"{key} is no number")
        whole = {key: values.get(key) for key in ("label", "piece")}
        for key, value in whole.items():
            if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
                raise ValueError(f"{key} is not a whole number")
        tool, scope = Tool(str(values.get("tool"))), Scope(str(values.get("scope", Scope.SLICE.value)))
        image = str(values.get("image", ""))
        return cls(tool, whole["label"], scope, **numbers, image=image, piece=whole["piece"])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
