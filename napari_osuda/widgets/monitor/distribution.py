"""How the distances are spread within each layer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
import pyqtgraph as pg

from napari_osuda.widgets.monitor.plot import PlotPanel
from napari_osuda.widgets.qt.theme import Palette

__all__ = ["DistributionPanel"]

_SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


class DistributionPanel(PlotPanel):
    """A box for each layer: the middle half of its channels, their median, and 5 to 95 % of them."""

    def __init__(self, colors: Palette) -> None:
        super().__init__(
            "Distribution of the distance in each layer",
            "How the distance d (eq. 5) varies over a layer's channels in one iteration. The box holds the "
            "middle half, its bar is the median, and the line reaches from 5 to 95 % of the channels.",
            colors,
        )
        self.boxes = pg.BarGraphItem(x=[], y0=[], y1=[], width=0.6)
        self.lines = pg.ErrorBarItem(x=np.zeros(0), y=np.zeros(0), beam=0.3)
        self.medians = pg.PlotCurveItem(connect="pairs")
        for item in (self.lines, self.boxes, self.medians):
            self.view.add(item)
        self.view.set_label("left", "d")
        self.view.set_label("bottom", "layer")
        #: The row of the history that is shown; -1 follows the run.
        self.row = -1
        self._pointed: int | None = None
        self.show_history(None)

    def prepare(self) -> None:
        """Begin with nothing."""
        self.row, self._pointed = -1, None
        count = 1 if self.history is None else max(len(self.history.layers), 1)
        self.view.box.setXRange(0.5, count + 0.5, padding=0.02)

    def show_row(self, row: int) -> None:
        """Show this row of the history from now on, or the newest (-1)."""
        self.row = row
        self.redraw()

    def quantiles(self) -> np.ndarray:
        """5, 25, 50, 75 and 95 % of each layer's d in the iteration that is shown: [5, L]."""
        assert self.history is not None
        d = self.history["distance"][self.row]
        layers = [d[layer.offset : layer.offset + layer.channels] for layer in self.history.layers]
        return np.stack([np.quantile(values, _SHARES) for values in layers], axis=1)

    def redraw(self) -> None:
        """Move the boxes."""
        if self.history is None or not len(self.history) or not self.history.layers:
            self.legend.setText("")
            return
        low, first, median, third, high = self.quantiles()
        x = np.arange(1, len(median) + 1, dtype=float)
        self.boxes.setOpts(x=x, y0=first, y1=third, width=0.6)
        self.lines.setData(x=x, y=median, top=high - median, bottom=median - low)
        self.medians.setData(np.stack([x - 0.3, x + 0.3], 1).ravel(), np.repeat(median, 2))
        self._write_legend(median)

    def recolor(self) -> None:
        """In the theme's colors."""
        self.boxes.setOpts(brush=self.colors.blue, pen=pg.mkPen(self.colors.faint))
        self.lines.setData(pen=pg.mkPen(self.colors.text, width=1))
        self.medians.setPen(pg.mkPen(self.colors.text, width=2.5))

    def table(self) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
        """One row a layer."""
        assert self.history is not None
        names = ["layer", *(f"d at {share:.0%}" for share in _SHARES)]
        rows = [
            [layer.name, *map(float, values)]
            for layer, values in zip(self.history.layers, self.quantiles().T, strict=True)
        ]
        return names, rows

    def point_at(self, x: float, y: float) -> None:
        """Name the layer under the mouse."""
        if self.history is not None and len(self.history):
            self._pointed = min(max(round(x), 1), len(self.history.layers)) - 1
            self._write_legend(self.quantiles()[2])

    def point_away(self) -> None:
        """Name the one that is farthest again."""
        if self._pointed is not None:
            self._pointed = None
            self.redraw()

    def _write_legend(self, medians: np.ndarray) -> None:
        assert self.history is not None
        index = int(medians.argmax()) if self._pointed is None else self._pointed
        which = "largest median" if self._pointed is None else "median"
        self.legend.setText(
            f"t = {int(self.history['t'][self.row])}: {which} {medians[index]:.3g}, "
            f"{index + 1}. {escape(self.history.layers[index].name)}"
        )
