"""The intensity curve that a run puts before the network, over the histogram of the image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox

from napari_osuda.widgets.monitor.plot import PlotPanel
from napari_osuda.widgets.qt.theme import Palette

if TYPE_CHECKING:
    from napari_osuda.session.events import IntensityChange

__all__ = ["IntensityPanel"]

# The tallest bin reaches this height of the plot, in standard deviations.
_TALLEST = 2.0


class IntensityPanel(PlotPanel):
    """What an intensity of the image becomes: where the curve began, and the one in use."""

    def __init__(self, colors: Palette) -> None:
        super().__init__(
            "Intensity conversion",
            "What each brightness of the image becomes before the model sees it. The gray bars show how "
            "often it occurs in the head. Both axes: standard deviations from the mean of the head.",
            colors,
        )
        self.bars = pg.BarGraphItem(x=[], height=[], width=0.1, y0=0)
        self.beginning = pg.PlotCurveItem()
        self.now = pg.PlotCurveItem()
        self.channel = QComboBox()
        self.channel.setAccessibleName("Channel whose conversion is shown")
        self.channel.setToolTip("The model's channel whose conversion is shown")
        self.channel.setMinimumWidth(1)
        self.channel.currentIndexChanged.connect(lambda _: self.redraw())
        self.place_below_heading(self.channel)
        for item in (self.bars, self.beginning, self.now):
            self.view.add(item)
        self.view.set_label("left", "after")
        self.view.set_label("bottom", "before")
        self.show_history(None)

    @property
    def changes(self) -> tuple[IntensityChange, ...]:
        """Of each channel; empty where nothing is converted."""
        return () if self.history is None else self.history.intensities

    def prepare(self) -> None:
        """Out of sight where nothing is converted; at first the first channel that is."""
        self.wanted = bool(self.changes)
        for button in self.buttons.values():
            button.setEnabled(bool(self.changes))
        self.channel.blockSignals(True)
        self.channel.clear()
        for change in self.changes:
            self.channel.addItem(change.channel.upper() + ("" if _is_changed(change) else ": not converted"))
        first = next((row for row, change in enumerate(self.changes) if _is_changed(change)), 0)
        self.channel.setCurrentIndex(first if self.changes else -1)
        self.channel.blockSignals(False)
        self.channel.setVisible(len(self.changes) > 1)

    def redraw(self) -> None:
        """The channel that is chosen; all of them stand in the table."""
        row = self.channel.currentIndex()
        if not 0 <= row < len(self.changes):
            self.legend.setText("")
            return
        shown = self.changes[row]
        low = float(min(shown.beginning.min(), shown.now.min()))
        width = float(shown.scores[1] - shown.scores[0])
        height = shown.share / max(float(shown.share.max()), 1e-9) * _TALLEST
        self.bars.setOpts(x=shown.scores, height=height, y0=low, width=width)
        self.beginning.setData(shown.scores, shown.beginning)
        self.now.setData(shown.scores, shown.now)
        moved = not np.allclose(shown.beginning, shown.now, atol=1e-3)
        self.beginning.setVisible(moved)
        self.legend.setText(
            f"{escape(shown.channel.upper())}: <span style='color: {self.colors.blue}'>curve in use</span>"
            + (f", <span style='color: {self.colors.orange}'>where it began (dashed)</span>" if moved else "")
        )

    def recolor(self) -> None:
        """In the theme's colors, the words as well."""
        self.bars.setOpts(brush=self.colors.faint, pen=pg.mkPen(None))
        self.beginning.setPen(pg.mkPen(self.colors.orange, width=1.5, style=Qt.PenStyle.DashLine))
        self.now.setPen(pg.mkPen(self.colors.blue, width=2.5))
        self.redraw()

    def table(self) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
        """One row a bin of each channel."""
        names = ["channel", "before", "share of the head", "beginning", "after"]
        rows = [
            [change.channel, *map(float, values)]
            for change in self.changes
            for values in zip(change.scores, change.share, change.beginning, change.now, strict=True)
        ]
        return names, rows


def _is_changed(change: IntensityChange) -> bool:
    return not np.array_equal(change.now, change.scores)
