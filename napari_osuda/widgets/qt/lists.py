"""Lists to choose one line from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeyEvent, QPaintEvent
from qtpy.QtWidgets import (
    QComboBox,
    QListView,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QToolTip,
)

__all__ = ["combo_box"]

# Pixels that a style keeps free beside the words.
_MARGIN = 4


class _Searched(QListView):
    """The open list of a combo box: what is typed narrows it to the lines that hold it, anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self._typed = ""

    def keyboardSearch(self, search: str | None) -> None:
        """Narrow the list; while it is shut, go to a line by its beginning, as any list does."""
        if self.isVisible():
            self._narrow(self._typed + (search or ""))
        else:
            self.show_all()
            super().keyboardSearch(search)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Take back the last letter."""
        if event is not None and event.key() == Qt.Key.Key_Backspace:
            self._narrow(self._typed[:-1])
        else:
            super().keyPressEvent(event)

    def show_all(self) -> None:
        """Take back all that was typed."""
        self._narrow("")

    def _narrow(self, typed: str) -> None:
        model = self.model()
        if model is None:
            return
        lines = [str(model.index(row, 0).data() or "").casefold() for row in range(model.rowCount())]
        found = [row for row, line in enumerate(lines) if typed.casefold() in line]
        if not found:
            # A letter too many changes nothing.
            return
        self._typed = typed
        for row in range(len(lines)):
            self.setRowHidden(row, row not in found)
        if self.isVisible():
            if self.currentIndex().row() not in found:
                self.setCurrentIndex(model.index(found[0], 0))
            QToolTip.showText(self.mapToGlobal(self.rect().topLeft()), typed, self)


class _Elided(QComboBox):
    """Leaves the middle of a long line out: series of one patient differ at their ends."""

    def __init__(self) -> None:
        super().__init__()
        self._searched = _Searched()
        self.setView(self._searched)

    def showPopup(self) -> None:
        """Open with all lines."""
        # Not as it shuts: Qt shuts a list that is open at the program's end, when no line can be laid out.
        self._searched.show_all()
        super().showPopup()

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
    """A list that a dock can squeeze, however long its lines are. Typing narrows it while it is open.

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
