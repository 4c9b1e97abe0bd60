"""Columns and rows of widgets that fit a narrow dock."""

from __future__ import annotations

from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QWidget

__all__ = ["Column", "row_of", "scrolled"]


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


def row_of(*widgets: QWidget) -> QHBoxLayout:
    """A row of widgets, each of which may become narrower than its text rather than widen the dock."""
    row = QHBoxLayout()
    for widget in widgets:
        widget.setMinimumWidth(1)
        row.addWidget(widget)
    return row
