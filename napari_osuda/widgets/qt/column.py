"""Columns and rows of widgets that fit a narrow dock."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QEvent, QRect, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QFrame, QGridLayout, QScrollArea, QWidget

__all__ = ["ButtonRows", "Column", "scrolled"]


# Pixels of what scrolls: a dock is never narrower than the first, nor made wider than the second asks for.
_NARROWEST, _WIDEST = 264, 300


class Column(QWidget):
    """The inside of a scroll area whose texts wrap, and which is not cut at its right.

    A scroll area asks its widget for the least height at any width, at which texts that wrap at this width
    would be cut off; here it is told the height at the width that there is.
    """

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width wraps otherwise."""
        super().resizeEvent(event)
        self._ask_for_height()

    def event(self, event: QEvent) -> bool:
        """Something inside has grown or shrunk."""
        done = bool(super().event(event))
        if event.type() == QEvent.Type.LayoutRequest:
            self._ask_for_height()
        return done

    def _ask_for_height(self) -> None:
        layout = self.layout()
        if layout is not None:
            wanted = layout.totalHeightForWidth(self.width())
            self.setMinimumHeight(wanted if wanted > 0 else layout.totalSizeHint().height())
            self._ask_for_width(layout.totalMinimumSize().width())

    def _ask_for_width(self, wanted: int) -> None:
        view = self.parentWidget()
        area = None if view is None else view.parentWidget()
        if isinstance(area, QScrollArea):
            bar = area.verticalScrollBar().sizeHint().width()
            area.setMinimumWidth(min(max(wanted, _NARROWEST), _WIDEST) + bar)


def scrolled(inside: QWidget) -> QScrollArea:
    """A scroll area that scrolls up and down only."""
    area = QScrollArea()
    area.setWidget(inside)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area


class _Rows(QGridLayout):
    """As many columns of one width as there is room for.

    Its height follows its width, and Qt asks for that before it lays out. A widget that arranged its buttons
    once it has another width would keep the height of the width before.
    """

    def __init__(self, buttons: Sequence[QWidget]) -> None:
        super().__init__()
        self._buttons = buttons
        self._columns = 0
        self.setContentsMargins(0, 0, 0, 0)
        self.setSpacing(4)

    def hasHeightForWidth(self) -> bool:
        """It has."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Pixels, at a width in pixels."""
        rows = -(-len(self._buttons) // self._columns_at(width))
        height = max(button.sizeHint().height() for button in self._buttons)
        return rows * height + (rows - 1) * self.verticalSpacing()

    def minimumHeightForWidth(self, width: int) -> int:
        """No button is cut."""
        return self.heightForWidth(width)

    def setGeometry(self, rect: QRect) -> None:
        """Arrange the buttons for a width, and lay them out."""
        self.arrange(self._columns_at(rect.width()))
        super().setGeometry(rect)

    def arrange(self, columns: int) -> None:
        """Put the buttons into so many columns."""
        if columns == self._columns:
            return
        for column in range(max(columns, self._columns)):
            self.setColumnStretch(column, 1 if column < columns else 0)
        self._columns = columns
        for index, button in enumerate(self._buttons):
            self.addWidget(button, index // columns, index % columns)

    def _columns_at(self, width: int) -> int:
        widest = max(button.sizeHint().width() for button in self._buttons)
        most = (width + self.horizontalSpacing()) // (widest + self.horizontalSpacing())
        rows = -(-len(self._buttons) // max(min(most, len(self._buttons)), 1))
        # Four where three have room: two and two.
        return -(-len(self._buttons) // rows)


class ButtonRows(QWidget):
    """Buttons of one width, as many in a row as have room for their words; none is cut in a narrow dock.

    Parameters
    ----------
    *buttons : QWidget
    """

    def __init__(self, *buttons: QWidget) -> None:
        super().__init__()
        for button in buttons:
            button.setMinimumWidth(1)
        rows = _Rows(buttons)
        self.setLayout(rows)
        rows.arrange(len(buttons))
