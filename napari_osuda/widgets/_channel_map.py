"""Every channel of every layer as a cell of a picture: its distance, or its transferability."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QEvent, QObject, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QFontMetrics, QLinearGradient, QPainter, QPaintEvent, QResizeEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_osuda.widgets._plot import PlotPanel
from napari_osuda.widgets._theme import Palette

__all__ = ["AlphaMap", "ChannelMap", "DistanceMap"]

# Row labels closer than this would touch; names of layers are written from this width on.
_ROW_PIXELS, _NAME_WIDTH, _NAME_LETTERS = 13, 400, 16


class ChannelMap(PlotPanel):
    """Rows are layers in the order of execution, columns their channels; a row ends where its layer does."""

    title_text = ""
    meaning = ""
    column = ""
    map_name = "viridis"
    aspect = 0.7

    #: Index among all N channels of the cell under the mouse or the cursor keys; -1 for none.
    pointed = Signal(int)

    def __init__(self, colours: Palette) -> None:
        super().__init__(self.title_text, self.meaning, colours)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.image.setColorMap(pg.colormap.get(self.map_name))
        self.edge = pg.PlotCurveItem()
        self.cell = pg.PlotCurveItem()
        for item in (self.image, self.edge, self.cell):
            self.view.add(item)
        self.view.box.invertY(True)
        self.view.set_label("bottom", "channel")
        self.bar = _ColourBar(pg.colormap.get(self.map_name), colours)
        self.figure.layout().addWidget(self.bar)
        self.view.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.view.installEventFilter(self)
        self.view.setAccessibleName(f"{self.title_text}; cursor keys go from channel to channel")
        self._place: tuple[int, int] | None = None
        self._peak = 0.0
        self.show_history(None)

    def levels(self, peak: float) -> tuple[float, float]:
        """The values at both ends of the colours, from the largest deviation so far."""
        raise NotImplementedError

    def deviation(self, picture: np.ndarray) -> float:
        """The largest deviation in one picture."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Take the shape of a new network."""
        self._place, self._peak = None, 0.0
        self.cell.setData([], [])
        self.image.clear()
        self.edge.setData([], [])
        if self.history is None or not self.history.layers:
            return
        counts = [layer.channels for layer in self.history.layers]
        self.edge.setData(
            np.repeat(counts, 2), np.stack([np.arange(len(counts)), np.arange(1, len(counts) + 1)], 1).ravel()
        )
        self.view.box.setXRange(0, max(counts), padding=0.01)
        self.view.box.setYRange(0, len(counts), padding=0.01)
        self._name_rows()

    def redraw(self) -> None:
        """The newest iteration's picture; the colours stay comparable since their scale only grows."""
        if self.history is None or not len(self.history):
            self.legend.setText("")
            return
        picture = self.history.ragged(self.column)
        self._peak = max(self._peak, self.deviation(picture))
        low, high = self.levels(self._peak)
        self.image.setImage(picture, autoLevels=False, levels=(low, high))
        self.bar.set_ends(low, high)
        self._write_legend()

    def recolour(self) -> None:
        """Edges and bar in the theme's colours."""
        self.edge.setPen(pg.mkPen(self.colours.faint, width=1))
        self.cell.setPen(pg.mkPen(self.colours.text, width=2))
        self.bar.set_colours(self.colours)

    def table(self) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
        """One row a channel, one column an iteration."""
        assert self.history is not None
        values = self.history[self.column]
        names = ["layer", "kind", "channel", *(f"t={int(t)}" for t in self.history["t"])]
        rows = (
            [layer.name, layer.kind, c, *(float(v) for v in values[:, layer.offset + c])]
            for layer in self.history.layers
            for c in range(layer.channels)
        )
        return names, rows

    def point_at(self, x: float, y: float) -> None:
        """Tell the channel under the mouse."""
        layers = self.history.layers if self.history is not None else ()
        row, channel = int(np.floor(y)), int(np.floor(x))
        if 0 <= row < len(layers) and 0 <= channel < layers[row].channels:
            self._point(row, channel)
        else:
            self.point_away()

    def point_away(self) -> None:
        """Tell nothing of any channel."""
        if self._place is not None:
            self._place = None
            self.cell.setData([], [])
            self._write_legend()
            self.pointed.emit(-1)

    def _point(self, row: int, channel: int) -> None:
        assert self.history is not None
        self._place = (row, channel)
        x, y = channel, row
        self.cell.setData([x, x + 1, x + 1, x, x], [y, y, y + 1, y + 1, y])
        self._write_legend()
        self.pointed.emit(self.history.layers[row].offset + channel)

    def _write_legend(self) -> None:
        history = self.history
        if history is None or not len(history):
            return
        at = f"t = {int(history['t'][-1])}"
        if self._place is None:
            values = history[self.column][-1]
            self.legend.setText(f"{at}: {values.min():.3g} to {values.max():.3g}, mean {values.mean():.3g}")
            return
        row, channel = self._place
        layer = history.layers[row]
        n = layer.offset + channel
        d, alpha, gamma, beta = (
            float(history[name][-1, n]) for name in ("distance", "alpha", "gamma_shift", "beta_shift")
        )
        self.legend.setText(
            f"{at}: <b>{row + 1}. {escape(layer.name)}</b> ({layer.kind}), "
            f"channel {channel} of 0–{layer.channels - 1}: "
            f"d {d:.3g}, α {alpha:.3g}, Δγ {gamma:+.2g}, Δβ {beta:+.2g}"
        )

    def _name_rows(self) -> None:
        if self.history is None:
            return
        layers = self.history.layers
        step = max(1, int(np.ceil(_ROW_PIXELS * len(layers) / max(self.view.height() - 40, 1))))
        named = self.width() >= _NAME_WIDTH
        ticks = [
            (row + 0.5, _elided(layers[row].name) if named else str(row + 1))
            for row in range(0, len(layers), step)
        ]
        axis = self.view.axes["left"]
        axis.setTicks([ticks])
        self.view.set_label("left", "" if named else "layer")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Write the layers' names where there is room for them."""
        super().resizeEvent(event)
        self._name_rows()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Cursor keys go from cell to cell, for those without a mouse."""
        if (
            watched is self.view
            and event.type() == QEvent.Type.KeyPress
            and self.history is not None
            and len(self.history)
        ):
            moves = {
                Qt.Key.Key_Left: (0, -1),
                Qt.Key.Key_Right: (0, 1),
                Qt.Key.Key_Up: (-1, 0),
                Qt.Key.Key_Down: (1, 0),
            }
            move = moves.get(event.key())
            if move is not None:
                row, channel = self._place or (0, 0)
                layers = self.history.layers
                row = min(max(row + move[0], 0), len(layers) - 1)
                self._point(row, min(max(channel + move[1], 0), layers[row].channels - 1))
                return True
        return super().eventFilter(watched, event)


class DistanceMap(ChannelMap):
    """d_lc of eq. 5."""

    title_text = "Distance d"
    meaning = (
        "How far each channel's statistics on the target are from those that the source model stored "
        "(eq. 5); 0 means that the channel sees what it saw in training."
    )
    column = "distance"
    map_name = "viridis"

    def deviation(self, picture: np.ndarray) -> float:
        """The largest d."""
        return float(np.nanmax(picture))

    def levels(self, peak: float) -> tuple[float, float]:
        """From 0."""
        return 0.0, max(peak, 1e-6)


class AlphaMap(ChannelMap):
    """alpha_lc, the transferability."""

    title_text = "Transferability α"
    meaning = (
        "How strongly each channel's γ and β are held to the source model's (eqs. 4 and 5): the mean is 1, "
        "more where a channel carries over to the target, less where it does not."
    )
    column = "alpha"
    map_name = "CET-CBD1"

    def deviation(self, picture: np.ndarray) -> float:
        """The largest deviation from 1."""
        return float(np.nanmax(np.abs(picture - 1.0)))

    def levels(self, peak: float) -> tuple[float, float]:
        """As far below 1 as above it: the middle colour is the mean."""
        half = max(peak, 1e-3)
        return 1.0 - half, 1.0 + half


class _ColourBar(QWidget):
    """The scale of colours with the values at its ends and in its middle."""

    def __init__(self, colour_map: pg.ColorMap, colours: Palette) -> None:
        super().__init__()
        self._map = colour_map
        self._ends = (0.0, 1.0)
        self._text = QColor(colours.text)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(2 * QFontMetrics(self.font()).height())

    def set_ends(self, low: float, high: float) -> None:
        """The values that the outermost colours stand for."""
        if (low, high) != self._ends:
            self._ends = (low, high)
            self.setAccessibleName(f"Colours from {low:.3g} to {high:.3g}")
            self.update()

    def set_colours(self, colours: Palette) -> None:
        """Follow the theme."""
        self._text = QColor(colours.text)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A gradient above three numbers."""
        painter = QPainter(self)
        height = self.height() * 0.4
        gradient = QLinearGradient(0, 0, self.width(), 0)
        for place in np.linspace(0, 1, 17):
            gradient.setColorAt(float(place), self._map.map(float(place), mode="qcolor"))
        painter.fillRect(QRectF(0, 0, self.width(), height), gradient)
        painter.setPen(self._text)
        low, high = self._ends
        below = QRectF(0, height, self.width(), self.height() - height)
        for value, side in (
            (low, Qt.AlignmentFlag.AlignLeft),
            ((low + high) / 2, Qt.AlignmentFlag.AlignHCenter),
            (high, Qt.AlignmentFlag.AlignRight),
        ):
            painter.drawText(below, int(side | Qt.AlignmentFlag.AlignVCenter), f"{value:.3g}")
        painter.end()


def _elided(name: str) -> str:
    return name if len(name) <= _NAME_LETTERS else "…" + name[1 - _NAME_LETTERS :]
