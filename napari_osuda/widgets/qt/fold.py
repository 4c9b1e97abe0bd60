"""A section that is folded away until someone wants to see it, with a triangle in the theme's color."""

from __future__ import annotations

from qtpy.QtCore import QPoint, QRect, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap
from qtpy.QtWidgets import QScrollArea
from superqt import QCollapsible

from napari_osuda.napari_layers.soon import soon
from napari_osuda.widgets.qt.theme import Palette

__all__ = ["Fold"]

_OPEN, _SHUT = "\N{BLACK DOWN-POINTING TRIANGLE}", "\N{BLACK RIGHT-POINTING TRIANGLE}"
_SIZE = 12


class Fold(QCollapsible):
    """A title that opens and shuts what is below it, at once; what a click opens is scrolled into sight.

    What is folded away is hidden, so that the Tab key does not lead to fields that nobody sees.

    Parameters
    ----------
    title : str
    """

    def __init__(self, title: str) -> None:
        super().__init__(title, expandedIcon=_OPEN, collapsedIcon=_SHUT)
        self.setDuration(0)
        self.layout().setContentsMargins(0, 0, 0, 0)
        self.content().hide()
        self.toggled.connect(lambda opened: self.content().setVisible(opened))
        # The panels around have to make room first.
        self.toggleButton().clicked.connect(lambda: soon(self, self._reveal))

    def _reveal(self) -> None:
        area = self.parentWidget()
        while area is not None and not isinstance(area, QScrollArea):
            area = area.parentWidget()
        if area is None or not self.isExpanded():
            return
        top, bar = self.mapTo(area.widget(), QPoint(0, 0)).y(), area.verticalScrollBar()
        if top + self.height() > bar.value() + bar.pageStep():
            bar.setValue(top)

    def set_colors(self, colors: Palette) -> None:
        """Follow napari's theme, which colors words but no icons."""
        self.setExpandedIcon(_icon(_OPEN, colors.text))
        self.setCollapsedIcon(_icon(_SHUT, colors.text))


def _icon(symbol: str, color: str) -> QIcon:
    pixmap = QPixmap(_SIZE, _SIZE)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setPen(QColor(color))
    painter.drawText(QRect(0, 0, _SIZE, _SIZE), Qt.AlignmentFlag.AlignCenter, symbol)
    painter.end()
    return QIcon(pixmap)
