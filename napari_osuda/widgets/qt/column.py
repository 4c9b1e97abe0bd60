"""A column of widgets in a narrow dock, as high as it needs to be."""

from __future__ import annotations

from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QFrame, QScrollArea, QWidget

__all__ = ["Column", "scrolled"]


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


def scrolled(column: Column) -> QScrollArea:
    """A scroll area that scrolls up and down only."""
    area = QScrollArea()
    area.setWidget(column)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area
