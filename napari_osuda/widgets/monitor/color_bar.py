"""The legend of a map of colors."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QColor, QFontMetrics, QLinearGradient, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_osuda.widgets.qt.theme import Palette

__all__ = ["ColorBar"]


class ColorBar(QWidget):
    """The scale of colors with the values at its ends and in its middle."""

    def __init__(self, color_map: pg.ColorMap, colors: Palette) -> None:
        super().__init__()
        self._map = color_map
        self.values = (0.0, 0.5, 1.0)
        self._text = QColor(colors.text)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(2 * QFontMetrics(self.font()).height())

    def set_values(self, low: float, middle: float, high: float) -> None:
        """The values that the outermost colors and the middle one stand for."""
        if (low, middle, high) != self.values:
            self.values = (low, middle, high)
            self.setAccessibleName(f"Colors from {low:.3g} to {high:.3g}")
            self.update()

    def set_colors(self, colors: Palette) -> None:
        """Follow the theme."""
        self._text = QColor(colors.text)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A gradient above three numbers."""
        painter = QPainter(self)
        height = self.height() * 0.4
        gradient = QLinearGradient(0, 0, self.width(), 0)
        for share in np.linspace(0, 1, 17):
            gradient.setColorAt(float(share), self._map.map(float(share), mode="qcolor"))
        painter.fillRect(QRectF(0, 0, self.width(), height), gradient)
        painter.setPen(self._text)
        below = QRectF(0, height, self.width(), self.height() - height)
        sides = (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignRight)
        for value, side in zip(self.values, sides, strict=True):
            painter.drawText(below, int(side | Qt.AlignmentFlag.AlignVCenter), f"{value:.3g}")
        painter.end()
