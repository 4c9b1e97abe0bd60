"""Editors of declared settings, found by magicgui's type map; those that it lacks are ours."""

from __future__ import annotations

import math
import typing
from typing import Any

from magicgui.type_map import TypeMap
from magicgui.widgets import FloatRangeSlider, FloatSpinBox, LineEdit
from magicgui.widgets.bases import ValueWidget

from napari_osuda.method.settings import Declared
from napari_osuda.widgets.qt.ranges import plain_numbers

__all__ = ["editor"]

# Where a whole number has no end of its own, that of Qt's boxes.
_LARGEST = 2**31 - 1


class WrittenEdit(LineEdit):
    """A value as text: no digit is rounded away, 3e-5 can be typed, and nothing stands for None."""

    def set_value(self, value: Any) -> None:
        """Show a value, or a text of it."""
        super().set_value(_text(value))

    def get_value(self) -> str:
        """The text."""
        return str(super().get_value()).strip()


# Types are registered with a map of our own: the global one is every plugin's.
_TYPES = TypeMap()
_TYPES.register_type(float, widget_type=WrittenEdit)


def editor(name: str, one: Declared, tooltip: str | None = None) -> ValueWidget[Any]:
    """An editor of a setting, with its default, range, words and tooltip.

    Parameters
    ----------
    name : str
        Of the setting, as ``--set`` takes it.
    one : Declared
        Two numbers with a step are the ends of a range.
    tooltip : str, optional
        By default what ``--set`` is to be given.

    Returns
    -------
    ValueWidget
        Its ``value`` is one that the setting takes, or the text of one; its ``native`` is the Qt widget.
    """
    setting = one.setting
    options: dict[str, Any] = {"tooltip": f"{name} = {one.text}" if tooltip is None else tooltip}
    kind = typing.get_origin(one.kind) or one.kind
    if kind is typing.Literal:
        choices = typing.get_args(one.kind)
        options["choices"] = list(zip(setting.words or choices, choices, strict=True))
    elif kind is int:
        options |= {
            "min": int(setting.low or 0),
            "max": int(_LARGEST if setting.high is None else setting.high),
        }
    elif setting.step:
        options |= {"widget_type": FloatSpinBox if kind is float else FloatRangeSlider, "step": setting.step}
        options |= {"min": setting.low or 0.0, "max": 1.0 if setting.high is None else setting.high}
    elif kind not in (bool, float):
        # A number or nothing, and several numbers.
        options["widget_type"] = WrittenEdit
    made: Any = _TYPES.create_widget(one.default, one.kind, name, label=setting.label, options=options)
    made.native.setAccessibleName(setting.label)
    made.native.setMinimumWidth(1)
    if kind is bool:
        # The label stands beside it.
        made.native.setText("")
    if setting.step:
        made.native.setDecimals(max(0, -math.floor(math.log10(setting.step))))
    if setting.step and kind is not float:
        plain_numbers(made.native)
    if setting.step and kind is float:
        made.native.setSuffix(f" {setting.unit}")
    if one.optional:
        made.native.setPlaceholderText("none")
    return typing.cast("ValueWidget[Any]", made)


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_text, value))
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
