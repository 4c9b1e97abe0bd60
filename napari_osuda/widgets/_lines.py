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

from napari_osuda.widgets._history import RunHistory
from napari_osuda.widgets._plot import PlotPanel
from napari_osuda.widgets._theme import Palette

__all__ = ["ClassPanel", "EntropyPanel", "LayerPanel", "LinePanel", "LossPanel", "SchedulePanel", "Series"]

FloatArray = npt.NDArray[np.float32]

# A line's kind tells it apart where its colour does not; with the sign that stands for it in the legend.
_KINDS = (
    (Qt.PenStyle.SolidLine, "━━"),
    (Qt.PenStyle.DashLine, "╍╍"),
    (Qt.PenStyle.DotLine, "┅┅"),
    (Qt.PenStyle.DashDotLine, "━╍"),
)


@dataclass(frozen=True)
class Series:
    """One curve: its name, its colour (a hue of `Palette` or ``#rrggbb``) and how its values are written."""

    name: str
    colour: str
    form: str = "{:.3g}"
    kind: int = 0


class LinePanel(PlotPanel):
    """Curves over t with a legend that gives the newest values, or those under the mouse."""

    title_text = ""
    meaning = ""
    unit = ""

    def __init__(self, colours: Palette) -> None:
        super().__init__(self.title_text, self.meaning, colours)
        self.series: tuple[Series, ...] = ()
        self._marked: int | None = None
        self.curves: list[pg.PlotDataItem] = []
        self.cursor = pg.InfiniteLine(angle=90, movable=False)
        self.cursor.hide()
        self.view.add(self.cursor, counts=False)
        self.view.set_label("left", self.unit)
        self.show_history(None)

    # What a subclass gives

    def series_of(self, history: RunHistory | None) -> Sequence[Series]:
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
                curve.setData(t, column)
        self._write_legend()

    def recolour(self) -> None:
        """Give curves, cursor and legend the theme's colours."""
        for curve, series in zip(self.curves, self.series, strict=True):
            curve.setPen(self._pen(series))
        self.cursor.setPen(self.colours.faint)
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

    def colour_of(self, series: Series) -> str:
        """The series' colour on the present theme, ``#rrggbb``."""
        return series.colour if series.colour.startswith("#") else getattr(self.colours, series.colour)

    def _pen(self, series: Series) -> QPen:
        return pg.mkPen(self.colour_of(series), width=2, style=_KINDS[series.kind][0])

    def _write_legend(self, row: int | None = None) -> None:
        history = self.history
        values: Sequence[float] | None = None
        if history is not None and len(history):
            if row is None and self.cursor.isVisible():
                row = int(np.abs(history["t"] - self.cursor.value()).argmin())
            values = self.values_of(history)[-1 if row is None else row].tolist()
        parts = [] if row is None or history is None else [f"t = {int(history['t'][row])}"]
        for index, series in enumerate(self.series):
            mark = f"<span style='color: {self.colour_of(series)}'>{_KINDS[series.kind][1]}</span>"
            number = "" if values is None else f" {series.form.format(values[index])}"
            # A name and its number stay on one line.
            parts.append(f"{mark}&nbsp;{escape(series.name).replace(' ', '&nbsp;')}{number}")
        self.legend.setText("&ensp; ".join(parts))


class LossPanel(LinePanel):
    """L_HBS, lambda L_SE and their sum."""

    title_text = "Losses"
    meaning = (
        "The objective L = L_HBS + λ L_SE: L_HBS (eq. 4) holds γ and β near the source model's, "
        "L_SE (eq. 6) is the mean entropy of the prediction in nats."
    )

    def series_of(self, history: RunHistory | None) -> Sequence[Series]:
        """Three curves, whatever the run."""
        return Series("L_HBS", "blue"), Series("λ L_SE", "orange", kind=1), Series("L", "text", kind=2)

    def values_of(self, history: RunHistory) -> FloatArray:
        """L_HBS, lambda L_SE, L."""
        return np.stack([history["l_hbs"], history["lam"] * history["l_se"], history["loss"]], axis=1)


class SchedulePanel(LinePanel):
    """eta_t and lambda_t."""

    title_text = "Schedules"
    meaning = (
        "η is the share of the source model's statistics in the normalisation (eq. 3); λ is the weight of "
        "the entropy, drawn as a share of its first value."
    )
    unit = "share of 1st"

    def series_of(self, history: RunHistory | None) -> Sequence[Series]:
        """Two curves, whatever the run."""
        return Series("η", "green"), Series("λ", "purple", kind=1)

    def values_of(self, history: RunHistory) -> FloatArray:
        """eta_t and lambda_t."""
        return np.stack([history["eta"], history["lam"]], axis=1)

    def redraw(self) -> None:
        """Both on one axis: lambda as a share of where it began."""
        super().redraw()
        self.view.box.setYRange(0.0, 1.0, padding=0.05)
        if self.history is not None and len(self.history):
            lam = self.history["lam"]
            first = max(float(lam.max()), 1e-12)
            self.curves[1].setData(self.history["t"], lam / first)


class EntropyPanel(LinePanel):
    """L_SE, and how much of the most there could be."""

    title_text = "Entropy"
    meaning = (
        "How unsure the network is of the step's slices (eq. 6), in nats; as a share it is 0 where it is "
        "sure of every pixel, and 1 where all labels seem equally likely."
    )
    unit = "nats; share"

    def series_of(self, history: RunHistory | None) -> Sequence[Series]:
        """Two curves, whatever the run."""
        return Series("nats", "orange"), Series("share of the most", "purple", kind=1)

    def values_of(self, history: RunHistory) -> FloatArray:
        """L_SE, and L_SE / log K."""
        most = np.log(max(len(history.classes), 2))
        return np.stack([history["l_se"], history["l_se"] / most], axis=1)


class ClassPanel(LinePanel):
    """Share of the batch's pixels that each class claims."""

    title_text = "Class fractions"
    meaning = (
        "The share of the pixels that each label claims in the step's slices. Entropy minimisation can "
        "collapse: watch for a class that takes all, or vanishes, while the loss falls."
    )
    unit = "% of pixels"

    def series_of(self, history: RunHistory | None) -> Sequence[Series]:
        """One curve for each label but the background, in the card's colours."""
        shown = [] if history is None else [c for c in history.classes if c[0] != 0]
        return [
            Series(name, colour, "{:.2f} %", kind=i % len(_KINDS))
            for i, (_, name, colour) in enumerate(shown)
        ]

    def values_of(self, history: RunHistory) -> FloatArray:
        """Per cent of the pixels."""
        shown = [k for k, (value, _, _) in enumerate(history.classes) if value != 0]
        fractions: FloatArray = history["class_fractions"][:, shown]
        return fractions * np.float32(100.0)

    def recolour(self) -> None:
        """The card's colours were chosen for masks: a rim of the text's colour keeps each visible here."""
        super().recolour()
        for curve in self.curves:
            curve.setShadowPen(pg.mkPen(self.colours.text, width=3))


class LayerPanel(LinePanel):
    """Mean distance of each layer over the iterations."""

    title_text = "Mean d of each layer"
    meaning = (
        "The mean over a layer's channels of d (eq. 5): how far the layer's statistics on the target are "
        "from the source model's. From the first layer (dark) to the last (bright)."
    )
    unit = "mean d"

    def __init__(self, colours: Palette) -> None:
        self._pointed: int | None = None
        super().__init__(colours)

    def series_of(self, history: RunHistory | None) -> Sequence[Series]:
        """One curve for each layer, coloured by its place in the network."""
        layers = [] if history is None else history.layers
        # The ends of the map would vanish on a dark or on a light background.
        places = (
            np.linspace(0.25, 0.95, len(layers)) if self.colours.dark else np.linspace(0.0, 0.8, len(layers))
        )
        shades = pg.colormap.get("viridis").map(places, mode="qcolor") if layers else []
        return [Series(layer.name, shade.name()) for layer, shade in zip(layers, shades, strict=True)]

    def values_of(self, history: RunHistory) -> FloatArray:
        """Mean d, [n, L]."""
        return history["layer_distance"]

    def recolour(self) -> None:
        """The scale of colours depends on the theme."""
        self.series = tuple(self.series_of(self.history))
        super().recolour()

    def point_at(self, x: float, y: float) -> None:
        """Name the layer whose curve is nearest to the mouse."""
        if self.history is not None and len(self.history):
            row = int(np.abs(self.history["t"] - x).argmin())
            self._pointed = int(np.abs(self.history["layer_distance"][row] - y).argmin())
        super().point_at(x, y)

    def _pen(self, series: Series) -> QPen:
        return pg.mkPen(self.colour_of(series), width=1.5)

    def _write_legend(self, row: int | None = None) -> None:
        if self.history is None or not len(self.history) or not self.series:
            self.legend.setText("")
            return
        if row is not None and self._pointed is not None:
            shown = [self._pointed]
        else:
            self._pointed = None
            newest = self.history["layer_distance"][-1]
            shown = sorted({0, len(self.series) - 1, int(newest.argmax())})
        values = self.history["layer_distance"][-1 if row is None else row]
        parts = [] if row is None else [f"t = {int(self.history['t'][row])}"]
        for index in shown:
            mark = f"<span style='color: {self.series[index].colour}'>━━</span>"
            parts.append(
                f"{mark}&nbsp;{index + 1}.&nbsp;{escape(self.series[index].name)} {values[index]:.3g}"
            )
        self.legend.setText("&ensp; ".join(parts))
