"""The numbers that a person gives to the tools: declared once, from the panel's form to its tooltips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from napari_osuda.method.settings import Group, Setting, described

__all__ = ["ToolNumbers"]


@described
@dataclass(frozen=True)
class ToolNumbers:
    """What each tool asks for, and what it takes where nothing is said."""

    ml: Annotated[
        float,
        Setting(
            "Volume below which a part is removed",
            Group.REVIEW,
            "Separate parts that are smaller than this are removed.",
            low=0.0,
            high=99.0,
            unit="ml",
            step=0.01,
        ),
    ] = 0.1
    smooth_mm: Annotated[
        float,
        Setting(
            "Length by which outlines are smoothed",
            Group.REVIEW,
            "Details that are smaller than this length disappear.",
            low=0.1,
            high=20.0,
            unit="mm",
            step=0.1,
        ),
    ] = 1.0
    grow_mm: Annotated[
        float,
        Setting(
            "Distance up to which the label grows",
            Group.REVIEW,
            "The label grows no farther than this.",
            low=0.1,
            high=100.0,
            unit="mm",
            step=0.1,
        ),
    ] = 3.0
    intensity: Annotated[
        tuple[float, float],
        Setting(
            "Intensity",
            Group.REVIEW,
            "Lowest and highest intensity of the image that is shown. Used by Grow and by the brush.",
            step=0.1,
        ),
    ] = (0.0, 0.0)
