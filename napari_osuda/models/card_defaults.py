"""Values and colors of the labels, where a card does not say them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "as_value",
    "color_of",
    "default_colors",
    "default_labels",
    "named_regions",
    "own_value",
    "values_by_name",
]

# Colors that people with any kind of color vision tell apart (Okabe & Ito, Color Universal Design, 2008).
_PALETTE = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#999999")


def as_value(key: Any) -> Any:
    """A value of the mask where it came as a text, as the keys of JSON do."""
    text = key.strip() if isinstance(key, str) else ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else key


def color_of(colors: Mapping[int, str], value: int) -> str:
    """The ``#rrggbb`` of a value; a gray that is seen on black and on white where it has none."""
    return colors.get(value, "#999999")


def default_labels(names: list[str], activation: Any) -> dict[int, str]:
    """Values 0, 1, 2, ... for the channels; a sigmoid output has no channel for the background."""
    if (activation == "sigmoid" or len(names) == 1) and names[0].lower() != "background":
        return {0: "background", **dict(enumerate(names, 1))}
    return dict(enumerate(names))


def default_colors(labels: Mapping[Any, Any]) -> dict[Any, str]:
    """A color for each value in the mask, by its index among them; black for the background."""
    shown = [as_value(label) for label in labels if as_value(label) != 0]
    return {0: "#000000"} | {label: _PALETTE[i % len(_PALETTE)] for i, label in enumerate(shown)}


def own_value(name: str, regions: Mapping[str, tuple[int, ...]]) -> int:
    """The value that marks a region in a mask: one that no smaller region inside it has, if there is one."""
    own = set(regions[name])
    inner = [set(values) for values in regions.values() if set(values) < own]
    left = own.difference(*inner)
    return min(left or own)


def values_by_name(channels: Sequence[str], labels: Mapping[int, str]) -> tuple[int, ...]:
    """The value of each channel: that of the label of its name where all are called alike, else in order."""
    by_name = {name.casefold(): value for value, name in labels.items()}
    names = [name.casefold() for name in channels]
    if len(by_name) == len(labels) and sorted(by_name) == sorted(names):
        return tuple(by_name[name] for name in names)
    return tuple(labels)


def named_regions(
    labels: Mapping[int, str], regions: Mapping[str, Sequence[int]] | None
) -> dict[str, tuple[int, ...]]:
    """What is scored: the regions, or each label but the background where there are none.

    Parameters
    ----------
    labels : mapping of int to str
        Value in the mask and name; 0 is the background.
    regions : mapping of str to sequence of int, or None
        Of the model's card.
    """
    known = regions or {name: (value,) for value, name in labels.items() if value != 0}
    return {name: tuple(members) for name, members in known.items()}


def _axis(code: str) -> int:
    return next((axis for axis, codes in enumerate(("RL", "AP", "SI")) if code in codes), -1)
