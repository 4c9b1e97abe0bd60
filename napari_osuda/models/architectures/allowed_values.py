"""Kinds of values that an argument of a network may have: each is a closed set, said in words."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = [
    "COUNT", "DIMS", "FLAG", "LEVELS", "NUMBER", "REPEATS", "SIZES", "STRIDES", "Allowed", "either", "fixed",
    "layer", "listed", "mapping", "named", "optional", "whole", "word",
]  # fmt: skip

_LARGEST = 100_000
# Each entry can be a level of the network, which takes time to build even without memory.
_MOST_LEVELS = 16
_MOST_REPEATS = 64


@dataclass(frozen=True)
class Allowed:
    """A kind of value.

    Attributes
    ----------
    words : str
        What it is, to stand after "must be".
    holds : callable
        Whether a value is of the kind. It never raises.
    forced : tuple
        Empty, or the one value that the argument has whatever the file says.
    """

    words: str
    holds: Callable[[Any], bool]
    forced: tuple[Any, ...] = ()


def whole(low: int, high: int) -> Allowed:
    """Whole numbers of a range, both ends included."""
    return Allowed(
        f"a whole number from {low:,} to {high:,}",
        lambda value: type(value) is int and low <= value <= high,
    )


def word(*words: str) -> Allowed:
    """One of the words, in upper or lower case."""
    known = {known.casefold() for known in words}
    return Allowed(
        f"one of {', '.join(repr(known) for known in words)}",
        lambda value: isinstance(value, str) and value.casefold() in known,
    )


def named(pattern: str, words: str) -> Allowed:
    """A name of a pattern; the pattern must leave no room for a path, an address or a name of a hub."""
    whole_name = re.compile(pattern, re.ASCII)
    return Allowed(
        words,
        lambda value: isinstance(value, str) and len(value) <= 100 and bool(whole_name.fullmatch(value)),
    )


def optional(kind: Allowed) -> Allowed:
    """The kind, or nothing."""
    return Allowed(f"{kind.words}, or null", lambda value: value is None or kind.holds(value))


def either(*kinds: Allowed) -> Allowed:
    """Any of the kinds."""
    return Allowed(
        ", or ".join(kind.words for kind in kinds), lambda value: any(kind.holds(value) for kind in kinds)
    )


def listed(kind: Allowed, most: int) -> Allowed:
    """A list of at most so many of the kind."""
    return Allowed(
        f"a list of at most {most}, each {kind.words}",
        lambda value: isinstance(value, list | tuple) and len(value) <= most and all(map(kind.holds, value)),
    )


def mapping(kinds: Mapping[str, Allowed]) -> Allowed:
    """Some of the keys, each with a value of its kind."""
    return Allowed(
        f"a mapping with keys among {', '.join(kinds)}, of numbers, flags or known words",
        lambda value: (
            isinstance(value, Mapping)
            and all(isinstance(key, str) and key in kinds and kinds[key].holds(v) for key, v in value.items())
        ),
    )


def fixed(value: Any) -> Allowed:
    """An argument by which networks fetch or read weights: it is ``value``, whatever the file says."""
    return Allowed("anything, which is not used", lambda _: True, (value,))


def layer(words: tuple[str, ...], arguments: Mapping[str, Allowed]) -> Allowed:
    """A layer in MONAI's manner: its name, alone or with arguments, as ``["batch", {"affine": true}]``."""
    name, inner = word(*words), mapping(arguments)
    return Allowed(
        f"{name.words}, alone or as [name, arguments] with arguments among {', '.join(arguments)}",
        lambda value: (
            name.holds(value)
            or (
                isinstance(value, list | tuple)
                and 1 <= len(value) <= 2
                and name.holds(value[0])
                and (len(value) == 1 or inner.holds(value[1]))
            )
        ),
    )


FLAG = Allowed("true or false", lambda value: isinstance(value, bool))
NUMBER = Allowed(
    f"a number of at most {_LARGEST:,}",
    lambda value: (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and abs(value) <= _LARGEST
    ),
)
COUNT = whole(0, _LARGEST)
DIMS = whole(1, 3)
LEVELS = whole(0, _MOST_LEVELS)
# Of a kernel or a stride: one number, one for each axis, or these for each level.
_AXES = either(COUNT, listed(COUNT, _MOST_LEVELS))
SIZES = either(COUNT, listed(_AXES, _MOST_LEVELS))
# A stride of 256 asks for volumes of 256 voxels a side before a network can be tried at all.
_STRIDE = whole(1, 16)
STRIDES = either(_STRIDE, listed(either(_STRIDE, listed(_STRIDE, _MOST_LEVELS)), _MOST_LEVELS))
# How often blocks stand one after another.
REPEATS = either(whole(0, _MOST_REPEATS), listed(whole(0, _MOST_REPEATS), _MOST_LEVELS))
