"""Curves over the iterations: losses, schedules, classes, mean distance of the layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtGui import QPen

from napari_osuda.widgets.cockpit.history import RunHistory
from napari_osuda.widgets.monitor.plot import PlotPanel
from napari_osuda.widgets.qt.theme import Palette

__all__ = ["CurveStyle", "LinePanel"]

FloatArray = npt.NDArray[np.float32]

# A line's kind tells it apart where its color does not; with the sign that stands for it in the legend.
KINDS = (
    (Qt.PenStyle.SolidLine, "━━"),
    (Qt.PenStyle.DashLine, "╍╍"),
    (Qt.PenStyle.DotLine, "┅┅"),
    (Qt.PenStyle.DashDotLine, "━╍"),
)


@dataclass(frozen=True)
class CurveStyle:
    """One curve: its name, its color (a hue of `Palette` or ``#rrggbb``) and how its values are written."""

    name: str
    color: str
    form: str = "{:.3g}"
    kind: int = 0


class LinePanel(PlotPanel):
    """Curves over t with a legend that gives the newest values, or those under the mouse."""

    title_text = ""
    meaning = ""
    unit = ""

    def __init__(self, colors: Palette) -> None:
        super().__init__(self.title_text, self.meaning, colors)
        self.series: tuple[CurveStyle, ...] = ()
        self._marked: int | None = None
        self.curves: list[pg.PlotDataItem] = []
        self.cursor = pg.InfiniteLine(angle=90, movable=False)
        self.cursor.hide()
        self.view.add(self.cursor, counts=False)
        self.view.set_label("left", self.unit)
        self.view.count_whole()
        self.show_history(None)

    # What a subclass gives

    def series_of(self, history: RunHistory | None) -> Sequence[CurveStyle]:
        """The curves that a run has."""
        raise NotImplementedError

    def values_of(self, history: RunHistory) -> FloatArray:
        """The values of all curves, [n, curves]."""
        raise NotImplementedError

    # What all do

    def prepare(self) -> None:
        """Make one curve for each series."""
        self.series = tuple(self.series_of(self.history))
        # Kept as far as they serve: to make one takes longer than to draw it.
        for curve in self.curves[len(self.series) :]:
            self.view.remove(curve)
        del self.curves[len(self.series) :]
        for curve in self.curves:
            curve.setData([], [])
        for _ in self.series[len(self.curves) :]:
            self.curves.append(pg.PlotDataItem(antialias=True))
            self.view.add(self.curves[-1])
        self.mark(None)
        last = 1 if self.history is None else max(self.history.iterations - 1, 1)
        self.view.box.setXRange(0, last, padding=0.02)

    def redraw(self) -> None:
        """Move the curves to the newest data."""
        history = self.history
        if history is not None and len(history):
            t, values = history["t"], self.values_of(history)
            for curve, column in zip(self.curves, values.T, strict=True):
                # A line through a single iteration would not be seen.
                curve.setSymbol("o" if len(t) == 1 else None)
                curve.setData(t, column)
        self._write_legend()

    def recolor(self) -> None:
        """Give curves, cursor and legend the theme's colors."""
        for curve, series in zip(self.curves, self.series, strict=True):
            curve.setPen(self._pen(series))
            curve.setSymbolBrush(self.color_of(series))
            curve.setSymbolPen(self.color_of(series))
        self.cursor.setPen(self.colors.faint)
        self._write_legend()

    def table(self) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
        """One row an iteration."""
        assert self.history is not None
        values = self.values_of(self.history)
        rows = [[int(t), *(float(v) for v in row)] for t, row in zip(self.history["t"], values, strict=True)]
        return ["t", *(series.name for series in self.series)], rows

    def point_at(self, x: float, y: float) -> None:
        """Show the values of the iteration under the mouse."""
        if self.history is not None and len(self.history):
            row = int(np.abs(self.history["t"] - x).argmin())
            self.cursor.setValue(float(self.history["t"][row]))
            self.cursor.show()
            self._write_legend(row)

    def mark(self, row: int | None) -> None:
        """Mark an iteration, a row of the history, until another is; None marks none."""
        self._marked = row
        self.cursor.hide()
        self.point_away()

    def point_away(self) -> None:
        """Show the values of the marked iteration again, or the newest."""
        history = self.history
        if self._marked is not None and history is not None and self._marked < len(history):
            self.cursor.setValue(float(history["t"][self._marked]))
            self.cursor.show()
            self._write_legend(self._marked)
        elif self.cursor.isVisible() or self._marked is None:
            self.cursor.hide()
            self._write_legend()

    def color_of(self, series: CurveStyle) -> str:
        """The series' color on the present theme, ``#rrggbb``."""
        return series.color if series.color.startswith("#") else getattr(self.colors, series.color)

    def _pen(self, series: CurveStyle) -> QPen:
        return pg.mkPen(self.color_of(series), width=2, style=KINDS[series.kind][0])

    def _write_legend(self, row: int | None = None) -> None:
        history = self.history
        values: Sequence[float] | None = None
        if history is not None and len(history):
            if row is None and self.cursor.isVisible():
                row = int(np.abs(history["t"] - self.cursor.value()).argmin())
            values = self.values_of(history)[-1 if row is None else row].tolist()
        parts = [] if row is None or history is None else [f"t = {int(history['t'][row])}"]
        for index, series in enumerate(self.series):
            mark = f"<span style='color: {self.color_of(series)}'>{KINDS[series.kind][1]}</span>"
            number = "" if values is None else f" {series.form.format(values[index])}"
            # A name and its number stay on one line.
            parts.append(f"{mark}&nbsp;{escape(series.name).replace(' ', '&nbsp;')}{number}")
        self.legend.setText("&ensp; ".join(parts))
