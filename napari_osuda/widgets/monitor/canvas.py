"""A pair of axes: pyqtgraph's parts without its plot item, which hangs 7 menus and a form on each plot."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from qtpy.QtCore import QSize
from qtpy.QtWidgets import QSizePolicy

from napari_osuda.widgets.qt.theme import Palette

__all__ = ["Canvas"]

# Limits of a plot's height in pixels.
_LOWEST, _HIGHEST = 130, 320


class _Axis(pg.AxisItem):
    whole = False

    def tickSpacing(self, low: float, high: float, size: float) -> list[tuple[float, float]]:
        """How far ticks are apart, and where they begin; pyqtgraph asks for it."""
        levels: list[tuple[float, float]] = super().tickSpacing(low, high, size)
        if not self.whole:
            return levels
        return [(step, offset) for step, offset in levels if step >= 1] or [(1.0, 0.0)]


class Canvas(pg.GraphicsLayoutWidget):
    """Two axes around a view box; the wheel scrolls what it lies in and does not zoom.

    Parameters
    ----------
    aspect : float
        Height over width, within limits. A layout asks for it: a height that were set when the width has
        changed would come too late for what the plot lies in, and be cut off there.
    """

    def __init__(self, aspect: float) -> None:
        super().__init__()
        self._aspect = aspect
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setMinimumSize(1, 1)
        self.ci.layout.setContentsMargins(0, 4, 4, 0)
        self.ci.layout.setSpacing(0)
        self.box: Any = pg.ViewBox(enableMenu=False, enableMouse=False)
        self.axes: dict[str, Any] = {side: _Axis(side) for side in ("left", "bottom")}
        self.addItem(self.axes["left"], row=0, col=0)
        self.addItem(self.box, row=0, col=1)
        self.addItem(self.axes["bottom"], row=1, col=1)
        for axis in self.axes.values():
            axis.linkToView(self.box)
            axis.enableAutoSIPrefix(False)

    def hasHeightForWidth(self) -> bool:
        """It is as high as suits its width."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Pixels."""
        return round(min(max(self._aspect * width, _LOWEST), _HIGHEST))

    def sizeHint(self) -> QSize:
        """As narrow as it may become."""
        return QSize(1, _LOWEST)

    def minimumSizeHint(self) -> QSize:
        """As narrow as it may become."""
        return QSize(1, _LOWEST)

    def set_colors(self, colors: Palette) -> None:
        """Follow napari's theme."""
        self.setBackground(colors.background)
        for axis in self.axes.values():
            axis.setPen(colors.faint)
            axis.setTextPen(colors.text)

    def count_whole(self) -> None:
        """Mark whole numbers alone below the plot: there is no iteration between two."""
        self.axes["bottom"].whole = True

    def add(self, item: Any, *, counts: bool = True) -> None:
        """Show an item; whether it counts for the range that is shown."""
        self.box.addItem(item, ignoreBounds=not counts)

    def remove(self, item: Any) -> None:
        """Show an item no more."""
        self.box.removeItem(item)

    def set_label(self, side: str, text: str) -> None:
        """Write at an axis, or nothing."""
        self.axes[side].setLabel(text)
        self.axes[side].showLabel(bool(text))
