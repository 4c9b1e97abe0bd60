"""Columns and rows of widgets that fit a narrow dock."""

from __future__ import annotations

from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QFrame, QGridLayout, QScrollArea, QWidget

__all__ = ["ButtonRows", "Column", "scrolled"]


class Column(QWidget):
    """The inside of a scroll area whose texts wrap.

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


def scrolled(inside: QWidget) -> QScrollArea:
    """A scroll area that scrolls up and down only."""
    area = QScrollArea()
    area.setWidget(inside)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area


class ButtonRows(QWidget):
    """Buttons of one width, as many in a row as have room for their words; none is cut in a narrow dock.

    Parameters
    ----------
    *buttons : QWidget
    """

    def __init__(self, *buttons: QWidget) -> None:
        super().__init__()
        self._buttons = buttons
        self._columns = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(4)
        for button in buttons:
            button.setMinimumWidth(1)
        self._arrange(len(buttons))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width has room for others."""
        super().resizeEvent(event)
        self._fit()

    def event(self, event: QEvent) -> bool:
        """A button has got other words, or another font with napari's theme."""
        done = bool(super().event(event))
        if event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return done

    def _fit(self) -> None:
        widest = max(button.sizeHint().width() for button in self._buttons)
        most = (self.width() + self._grid.horizontalSpacing()) // (widest + self._grid.horizontalSpacing())
        rows = -(-len(self._buttons) // max(min(most, len(self._buttons)), 1))
        # Four where three have room: two and two.
        self._arrange(-(-len(self._buttons) // rows))

    def _arrange(self, columns: int) -> None:
        if columns == self._columns:
            return
        for column in range(max(columns, self._columns)):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        self._columns = columns
        for index, button in enumerate(self._buttons):
            self._grid.addWidget(button, index // columns, index % columns)
