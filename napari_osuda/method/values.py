"""Values of settings: read from texts, and held within their ranges."""

from __future__ import annotations

import re
import types
import typing
from typing import Any, Literal

from napari_osuda.errors import ConfigError

__all__ = ["check_setting", "read_value"]

_WHOLE = re.compile(r"[+-]?[0-9]{1,300}")


def check_setting(holds: bool, name: str, value: object, rule: str) -> None:
    """Refuse a value that does not keep to its rule.

    Parameters
    ----------
    holds : bool
        Whether it does.
    name : str
        Of the setting.
    value : object
    rule : str
        What it must be, such as "0 or more".

    Raises
    ------
    ConfigError
        It does not.
    """
    if not holds:
        raise ConfigError(f"{name} is {value}; it must be {rule}.")


def read_value(field: str, value: object, kind: Any) -> object:
    """A value as the type of its field; texts are read, since the command line has nothing else.

    Parameters
    ----------
    field : str
        Its name, for the message.
    value : object
        The value itself or a text of it, such as "0.5", "true", "none" or "0.9,0.1".
    kind : type
        bool, int, float, a `Literal`, a tuple of float, or one of these or None.

    Raises
    ------
    ConfigError
        It is not of that type, not finite, or not one of the allowed words.
    """
    if typing.get_origin(kind) is types.UnionType:
        if value is None or str(value).strip().lower() in ("none", ""):
            return None
        kind = next(k for k in typing.get_args(kind) if k is not type(None))
    if typing.get_origin(kind) is Literal:
        allowed = typing.get_args(kind)
        if value in allowed:
            return value
        raise ConfigError(f"{field} is '{value}'; it must be one of {', '.join(allowed)}.")
    if typing.get_origin(kind) is tuple:
        parts = value.strip("()[] ").split(",") if isinstance(value, str) else list(typing.cast("Any", value))
        return tuple(read_value(field, part, float) for part in parts)
    if kind is bool:
        truth = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        if isinstance(value, bool):
            return value
        if str(value).lower() in truth:
            return truth[str(value).lower()]
        raise ConfigError(f"{field} is '{value}'; it must be true or false.")
    try:
        number = float(str(value))
    except ValueError:
        number = float("nan")
    finite = number - number == 0
    if isinstance(value, bool) or not finite or (kind is int and number != int(number)):
        raise ConfigError(f"{field} is '{value}'; it must be a{' whole' if kind is int else ''} number.")
    # Through float a whole number of many digits would be another one.
    return int(str(value)) if kind is int and _WHOLE.fullmatch(str(value)) else kind(number)
