"""How much each slice changed, as a strip of bars to click in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_osuda.widgets.qt.theme import Palette

__all__ = ["ChangeStrip"]

_HEIGHT = 48


class ChangeStrip(QWidget):
    """One bar a slice: its height the voxels changed, its color whether it is decided.

    Parameters
    ----------
    colors : Palette
        Of napari's theme.
    """

    #: The viewer's number of the slice that was clicked.
    went = Signal(int)

    def __init__(self, colors: Palette) -> None:
        super().__init__()
        self._colors = colors
        self._changed: np.ndarray[Any, Any] = np.zeros(0)
        self._states: Sequence[str] = ()
        self._flags: Sequence[bool] = ()
        self._at = 0
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName("Change over slices; click to go to a slice")

    def set_values(self, changed: Sequence[int], states: Sequence[str], flags: Sequence[bool]) -> None:
        """Of each slice in the viewer's order: voxels changed; "", "after", ...; whether it is flagged."""
        self._changed, self._states, self._flags = np.asarray(changed, float), states, flags
        self.update()

    def show_step(self, at: int) -> None:
        """Mark the slice that the viewer shows."""
        self._at = at
        self.update()

    def set_colors(self, colors: Palette) -> None:
        """Follow napari's theme."""
        self._colors = colors
        self.update()

    def sizeHint(self) -> QSize:
        """As wide as may be."""
        return QSize(200, _HEIGHT)

    def step_at(self, x: float) -> int:
        """Which slice lies at a place of this widget."""
        count = len(self._changed)
        return int(np.clip(x * count / max(self.width(), 1), 0, max(count - 1, 0)))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the bars."""
        painter, colors = QPainter(self), self._colors
        painter.fillRect(self.rect(), QColor(colors.foreground))
        count = len(self._changed)
        if not count:
            return
        hues = {"": colors.blue, "after": colors.green, "before": colors.orange, "edited": colors.purple}
        width, bottom = self.width() / count, float(self.height() - 7)
        # The root: a slice with a few changed voxels must be seen beside one with thousands.
        heights = np.sqrt(self._changed / max(float(self._changed.max()), 1.0)) * (bottom - 8)
        for step in range(count):
            left = step * width
            state = self._states[step]
            if heights[step]:
                bar = QRectF(
                    left, bottom - max(heights[step], 1.5), max(width - 0.4, 0.8), max(heights[step], 1.5)
                )
                painter.fillRect(bar, QColor(hues[state]))
            if state:
                painter.fillRect(QRectF(left, bottom + 2, max(width, 1.0), 3), QColor(hues[state]))
            if self._flags[step]:
                middle = left + width / 2
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QColor(colors.red))
                painter.drawPolygon(
                    QPolygonF([QPointF(middle - 3, 1), QPointF(middle + 3, 1), QPointF(middle, 6)])
                )
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QColor(colors.text))
        painter.drawRect(QRectF(self._at * width - 1, 0.5, max(width + 1, 3), self.height() - 1.5))

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Go there."""
        if event is not None and len(self._changed):
            self.went.emit(self.step_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Go along with a held button; else say what lies under the pointer."""
        if event is None or not len(self._changed):
            return
        step = self.step_at(event.position().x())
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.went.emit(step)
        else:
            self.setToolTip(f"Slice {step}: {int(self._changed[step]):,} voxels changed")
