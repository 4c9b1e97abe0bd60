"""How each recommendation looks: a mark and a color, which say the same twice."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["RECOMMENDATION_MARKS"]

RECOMMENDATION_MARKS: Mapping[str | None, tuple[str, str]] = {
    "accept": ("✔", "green"),
    "keep-source": ("▲", "orange"),
    "neither": ("✖", "red"),
    None: ("", "text"),
}
"""Of each decision of the guard, the mark and the name of its color in the palette."""
