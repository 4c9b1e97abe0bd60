"""What is said of a setting, and its range: declared once, beside its type and its default."""

from __future__ import annotations

import textwrap
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple, TypeVar

__all__ = ["Declared", "Group", "Setting", "declared_settings", "described", "grouped", "setting_texts"]

_Class = TypeVar("_Class", bound=type)


class Group(StrEnum):
    """Settings that stand together, in the order in which they are listed."""

    MODEL = "Model"
    IMAGES = "Images"
    TRAINING = "Training"
    STATISTICS = "Image statistics"
    LOSSES = "Losses"
    RIVALS = "Other methods"
    SAFETY = "Safety and speed"
    REVIEW = "Tools of the review"


@dataclass(frozen=True)
class Setting:
    """What is said of a setting, and the numbers that it takes.

    Parameters
    ----------
    label : str
        Its name on the screen.
    group : Group
    meaning : str
        What it does, in a sentence or a few.
    low, high : float or None
        The least and the largest number, both included; None: there is no such end. They hold for each number
        of a tuple, and None passes where the type has it.
    above : bool
        ``low`` itself is not included.
    unit : str
    step : float
        Of the arrows beside a number; 0: it is written.
    words : tuple of str
        For a `Literal`: how each of its choices reads on the screen, in their order; empty: as it is written.
    """

    label: str
    group: Group
    meaning: str
    low: float | None = None
    high: float | None = None
    above: bool = False
    unit: str = ""
    step: float = 0.0
    words: tuple[str, ...] = ()

    def admits(self, value: object) -> bool:
        """Whether a value that is of the setting's type is within its range."""
        if isinstance(value, tuple):
            return all(map(self.admits, value))
        if isinstance(value, str) or not isinstance(value, int | float):
            return True
        low_enough = self.high is None or value <= self.high
        return low_enough and (self.low is None or (value > self.low if self.above else value >= self.low))

    @property
    def rule(self) -> str:
        """What a number must be, such as "above 0 and at most 1"; nothing where there is no range."""
        low, high = (None if end is None else f"{end:.10g}" for end in (self.low, self.high))
        if low is not None and high is not None:
            return f"above {low} and at most {high}" if self.above else f"between {low} and {high}"
        if low is not None:
            return f"above {low}" if self.above else f"{low} or more"
        return "" if high is None else f"at most {high}"


class Declared(NamedTuple):
    """A setting as its class declares it: type, what is said of it, and default."""

    kind: Any
    setting: Setting
    default: Any

    @property
    def text(self) -> str:
        """The default, what the setting does, its unit and what a value must be."""
        return f"{_plain(self.default)}: {self.meaning}"

    @property
    def meaning(self) -> str:
        """What the setting does, its unit and what a value must be."""
        unit = f" In {self.setting.unit}." if self.setting.unit else ""
        rule = f" It must be {self.rule}." if self.rule else ""
        return f"{self.setting.meaning}{unit}{rule}"

    @property
    def optional(self) -> bool:
        """Whether it may be None."""
        return typing.get_origin(self.kind) is types.UnionType

    @property
    def rule(self) -> str:
        """What a value must be; nothing where the type says all."""
        if typing.get_origin(self.kind) is typing.Literal:
            return f"one of {', '.join(map(str, typing.get_args(self.kind)))}"
        return self.setting.rule + (", or none" if self.optional and self.setting.rule else "")


def declared_settings(kind: type) -> Mapping[str, Declared]:
    """All settings of a dataclass, those of its bases first.

    Parameters
    ----------
    kind : type
        A dataclass, each field of which is ``Annotated`` with its type and a `Setting`.

    Raises
    ------
    TypeError
        A field is annotated with no `Setting`.
    """
    return _declared_settings(kind)


@cache
def _declared_settings(kind: Any) -> Mapping[str, Declared]:
    hints = typing.get_type_hints(kind, include_extras=True)
    found = {}
    for field in fields(kind):
        plain, *extras = typing.get_args(hints[field.name]) or (hints[field.name],)
        setting = next((extra for extra in extras if isinstance(extra, Setting)), None)
        if setting is None:
            raise TypeError(f"The setting {field.name} says nothing of itself: annotate it with a Setting.")
        found[field.name] = Declared(plain, setting, None if field.default is MISSING else field.default)
    return found


def described(kind: _Class) -> _Class:
    """Write into a dataclass's docstring what its fields say, and into its signature their types."""
    # A signature that repeats all that is said of each setting is no help.
    vars(kind)["__init__"].__annotations__ |= {
        name: one.kind for name, one in declared_settings(kind).items()
    }
    lines = [(kind.__doc__ or "").rstrip(), "", "    Parameters", "    ----------"]
    for name, one in declared_settings(kind).items():
        lines.append(f"    {name} : {_type_name(one.kind)}")
        lines += [f"        {line}" for line in textwrap.wrap(one.setting.meaning, 98)]
        if one.setting.rule:
            lines.append(f"        It is {one.rule}.")
    kind.__doc__ = "\n".join(lines) + "\n    "
    return kind


def grouped(kind: type) -> dict[Group, dict[str, Declared]]:
    """The settings of a dataclass by group, in the order of `Group`; a group without any is left out."""
    known = declared_settings(kind)
    found = {
        group: {name: one for name, one in known.items() if one.setting.group is group} for group in Group
    }
    return {group: members for group, members in found.items() if members}


def setting_texts(kind: type) -> dict[Group, dict[str, str]]:
    """What there is to say of each setting of a dataclass, by group and name."""
    return {
        group: {name: one.text for name, one in members.items()} for group, members in grouped(kind).items()
    }


def _plain(value: object) -> str:
    """A default as ``--set`` takes it."""
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def _type_name(kind: Any) -> str:
    if typing.get_origin(kind) is typing.Literal:
        return "{" + ", ".join(f'"{choice}"' for choice in typing.get_args(kind)) + "}"
    return kind.__name__ if isinstance(kind, type) else str(kind)
