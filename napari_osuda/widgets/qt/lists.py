"""Lists to choose one line from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from qtpy.QtCore import Qt
from qtpy.QtGui import QPaintEvent
from qtpy.QtWidgets import QComboBox, QSizePolicy, QStyle, QStyleOptionComboBox, QStylePainter

__all__ = ["combo_box"]

# Pixels that a style keeps free beside the words.
_MARGIN = 4


class _Elided(QComboBox):
    """Leaves the middle of a long line out: series of one patient differ at their ends."""

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw what is chosen, as wide as there is room."""
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        style = QStyle.ComplexControl.CC_ComboBox
        field = painter.style().subControlRect(style, option, QStyle.SubControl.SC_ComboBoxEditField, self)
        option.currentText = self.fontMetrics().elidedText(
            option.currentText, Qt.TextElideMode.ElideMiddle, field.width() - _MARGIN
        )
        painter.drawComplexControl(style, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()


def combo_box(
    name: str, choices: Iterable[str] = (), *, tip: str = "", width: Literal["own", "short", "any"] = "own"
) -> QComboBox:
    """A list that a dock can squeeze, however long its lines are.

    Parameters
    ----------
    name : str
        What a screen reader calls it.
    choices : iterable of str
        Its lines, the first one chosen.
    tip : str
        Shown under the pointer.
    width : {"own", "short", "any"}
        What it asks for: the width of its longest line, that of a few letters, or what the others leave.
    """
    combo = _Elided()
    combo.addItems(list(choices))
    combo.setAccessibleName(name)
    combo.setToolTip(tip)
    combo.setMinimumWidth(1)
    if width == "short":
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    if width == "any":
        combo.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return combo
