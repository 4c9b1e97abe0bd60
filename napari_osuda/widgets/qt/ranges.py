"""Sliders with two handles, for a range of values."""

from __future__ import annotations

import math

from qtpy.QtCore import QLocale, Qt
from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QLineEdit, QSizePolicy, QSlider, QWidget
from superqt import QLabeledDoubleRangeSlider

__all__ = ["plain_numbers", "range_slider", "set_ends"]

# Digits of a range that are told apart by eye on a slider.
_DIGITS = 3


class _Ordered(QLabeledDoubleRangeSlider):
    """Keeps the lower value first, also where it was typed at the other end."""

    def setValue(self, value: tuple[float, float]) -> None:
        """Set both values."""
        super().setValue(tuple(sorted(value)))


def range_slider(name: str) -> QLabeledDoubleRangeSlider:
    """A slider whose two values stand at its ends, where they can be typed; a narrow dock holds it.

    Parameters
    ----------
    name : str
        What a screen reader calls it.
    """
    slider = _Ordered(Qt.Orientation.Horizontal)
    slider.setHandleLabelPosition(slider.LabelPosition.NoLabel)
    slider.setEdgeLabelMode(slider.EdgeLabelMode.LabelIsValue)
    slider.setAccessibleName(name)
    slider.setMinimumWidth(1)
    slider.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    plain_numbers(slider)
    return slider


def plain_numbers(slider: QWidget) -> None:
    """Let the numbers of a labeled slider be typed with a point, and leave the keys to the picture.

    The slider reads its labels with ``float``, while Qt lets a German type a comma: that ends in an error.
    """
    for label in slider.findChildren(QLineEdit):
        validator = label.validator()
        if isinstance(validator, QValidator):
            validator.setLocale(QLocale.c())
    for inner in slider.findChildren(QSlider):
        inner.setFocusPolicy(Qt.FocusPolicy.TabFocus)


def set_ends(slider: QLabeledDoubleRangeSlider, low: float, high: float) -> None:
    """Let a slider reach from ``low`` to ``high``, with as many decimals as tell three digits apart."""
    decimals = _DIGITS - 1 - math.floor(math.log10(high - low))
    slider.setDecimals(min(max(decimals, 0), 12))
    slider.setRange(low, high)
