"""Every channel of every layer as a cell of a picture: its distance, or its transferability."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QHBoxLayout

from napari_osuda.widgets.monitor.cells import arranged, picture_of
from napari_osuda.widgets.monitor.color_bar import ColorBar
from napari_osuda.widgets.monitor.plot import PlotPanel
from napari_osuda.widgets.monitor.words import channel_words, map_words
from napari_osuda.widgets.qt.lists import combo_box
from napari_osuda.widgets.qt.theme import Palette

__all__ = ["ChannelMap"]

# Row labels closer than this would touch; names of layers are written from this width on.
_ROW_PIXELS, _NAME_WIDTH, _NAME_LETTERS = 13, 400, 16
_MOVES = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}
_ORDER, _SCALE = "Order of the cells", "Scale of the colors"
_PICKS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)


class ChannelMap(PlotPanel):
    """Rows are layers, columns their channels; a row ends where its layer does.

    In the order of the network, or by distance: the layers and in them the channels that are farthest from
    the source first.
    """

    title_text = ""
    meaning = ""
    column = ""
    map_name = "viridis"
    aspect = 0.7
    #: The least value that a logarithmic scale tells from 0.
    floor = 1e-3

    #: Index among all N channels of the cell under the mouse or the cursor keys; -1 for none.
    pointed = Signal(int)
    #: Index of a channel that was clicked, or entered by the keyboard.
    picked = Signal(int)

    def __init__(self, colors: Palette) -> None:
        super().__init__(self.title_text, self.meaning, colors)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.image.setColorMap(pg.colormap.get(self.map_name))
        self.edge = pg.PlotCurveItem()
        self.cell = pg.PlotCurveItem()
        self.dead = pg.ScatterPlotItem(symbol="x", size=7)
        for item in (self.image, self.edge, self.dead, self.cell):
            self.view.add(item)
        self.view.box.invertY(True)
        self.view.set_label("bottom", "channel")
        self.bar = ColorBar(pg.colormap.get(self.map_name), colors)
        self.order = combo_box(_ORDER, ("network's order", "by distance"), tip=_ORDER)
        self.scale = combo_box(_SCALE, ("linear", "logarithmic"), tip=_SCALE)
        choices = QHBoxLayout()
        for combo in (self.order, self.scale):
            choices.addWidget(combo)
            combo.currentIndexChanged.connect(lambda _: self._rescale())
        self.figure.layout().addLayout(choices)
        self.figure.layout().addWidget(self.bar)
        self.view.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.view.installEventFilter(self)
        self.view.scene().sigMouseClicked.connect(self._clicked)
        self.view.setAccessibleName(
            f"{self.title_text}; cursor keys go from channel to channel, Enter pins one"
        )
        #: The iteration's row of the history that is shown; -1 follows the run.
        self.row = -1
        self._cell: tuple[int, int] | None = None
        self._cells: list[np.ndarray] = []
        self._rows: list[int] = []
        self._peak = 0.0
        self.show_history(None)

    def levels(self, peak: float) -> tuple[float, float]:
        """The values at both ends of the colors, from the largest deviation so far."""
        raise NotImplementedError

    def deviation(self, values: np.ndarray) -> float:
        """The largest deviation in one iteration's values [N]."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Take the shape of a new network."""
        self.row, self._cell, self._peak = -1, None, 0.0
        self._rows, self._cells = [], []
        self.cell.setData([], [])
        self.dead.setData([], [])
        self.image.clear()
        self.edge.setData([], [])
        if self.history is None or not self.history.layers:
            return
        self._arrange()
        counts = [layer.channels for layer in self.history.layers]
        self.view.box.setXRange(0, max(counts), padding=0.01)
        self.view.box.setYRange(0, len(counts), padding=0.01)

    def show_row(self, row: int) -> None:
        """Show this row of the history from now on, or the newest (-1)."""
        self.row = row
        self.redraw()

    def redraw(self) -> None:
        """The picture of one iteration; the colors stay comparable since their scale only grows."""
        if self.history is None or not len(self.history):
            self.legend.setText("")
            return
        values = self.history[self.column][self.row]
        if self.order.currentIndex():
            self._arrange()
        picture = picture_of(values, self._cells)
        self._peak = max(self._peak, self.deviation(self.history[self.column][-1]), self.deviation(values))
        low, high = self.levels(self._peak)
        if self.scale.currentIndex():
            picture = np.log(np.maximum(picture, self.floor))
            low, high = (float(np.log(max(end, self.floor))) for end in (low, high))
            ends = tuple(float(np.exp(value)) for value in (low, (low + high) / 2, high))
        else:
            ends = (low, (low + high) / 2, high)
        self.image.setImage(picture, autoLevels=False, levels=(low, high))
        self.bar.set_values(*ends)
        self._mark_dead()
        if self._cell is not None:
            self._frame(*self._cell)
        self._write_legend()

    def recolor(self) -> None:
        """Edges and bar in the theme's colors."""
        self.edge.setPen(pg.mkPen(self.colors.faint, width=1))
        self.cell.setPen(pg.mkPen(self.colors.text, width=2))
        self.dead.setPen(pg.mkPen(self.colors.red, width=1.5))
        self.bar.set_colors(self.colors)

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

    def channel_at(self, x: float, y: float) -> tuple[int, int] | None:
        """The cell (row, column) at a place of the plot; None beside them."""
        row, column = int(np.floor(y)), int(np.floor(x))
        inside = 0 <= row < len(self._cells) and 0 <= column < len(self._cells[row])
        return (row, column) if inside else None

    def point_at(self, x: float, y: float) -> None:
        """Tell the channel under the mouse."""
        cell = self.channel_at(x, y)
        if cell is None:
            self.point_away()
        else:
            self._point(*cell)

    def point_away(self) -> None:
        """Tell nothing of any channel."""
        if self._cell is not None:
            self._cell = None
            self.cell.setData([], [])
            self._write_legend()
            self.pointed.emit(-1)

    def pick_at(self, x: float, y: float) -> None:
        """Pick the channel at a place of the plot."""
        cell = self.channel_at(x, y)
        if cell is not None:
            self.picked.emit(int(self._cells[cell[0]][cell[1]]))

    def _clicked(self, event: object) -> None:
        box, position = self.view.box, event.scenePos()  # type: ignore[attr-defined]
        if box.sceneBoundingRect().contains(position):
            point = box.mapSceneToView(position)
            self.pick_at(point.x(), point.y())

    def _point(self, row: int, column: int) -> None:
        self._cell = (row, column)
        self._frame(row, column)
        self._write_legend()
        self.pointed.emit(int(self._cells[row][column]))

    def _frame(self, row: int, column: int) -> None:
        x, y = column, row
        self.cell.setData([x, x + 1, x + 1, x, x], [y, y, y + 1, y + 1, y])

    def _arrange(self) -> None:
        """Which layer is in which row, and which of the N channels in each of its cells."""
        history = self.history
        assert history is not None
        by_distance = bool(self.order.currentIndex()) and len(history) > 0
        rows, self._cells = arranged(history.layers, history["distance"][self.row] if by_distance else None)
        changed, self._rows = rows != self._rows, rows
        if changed:
            counts = [len(channels) for channels in self._cells]
            steps = np.arange(len(counts))
            self.edge.setData(np.repeat(counts, 2), np.stack([steps, steps + 1], 1).ravel())
            self._name_rows()

    def _rescale(self) -> None:
        if self.history is not None and self.history.layers:
            self._cell = None
            self.cell.setData([], [])
            self._arrange()
            self.redraw()

    def _mark_dead(self) -> None:
        assert self.history is not None
        dead = self.history["dead"][self.row]
        points = [
            (column + 0.5, row + 0.5)
            for row, cells in enumerate(self._cells)
            for column in np.flatnonzero(dead[cells])
        ]
        self.dead.setData([x for x, _ in points], [y for _, y in points])

    def _write_legend(self) -> None:
        history = self.history
        if history is None or not len(history):
            return
        if self._cell is None:
            self.legend.setText(map_words(history, self.column, self.row))
        else:
            row, column = self._cell
            self.legend.setText(channel_words(history, self.row, int(self._cells[row][column])))

    def _name_rows(self) -> None:
        if self.history is None:
            return
        layers = self.history.layers
        step = max(1, int(np.ceil(_ROW_PIXELS * len(layers) / max(self.view.height() - 40, 1))))
        named = self.width() >= _NAME_WIDTH
        ticks = [
            (row + 0.5, _elided(layers[index].name) if named else str(index + 1))
            for row, index in enumerate(self._rows)
            if row % step == 0
        ]
        axis = self.view.axes["left"]
        axis.setTicks([ticks])
        self.view.set_label("left", "" if named else "layer")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Write the layers' names where there is room for them."""
        super().resizeEvent(event)
        self._name_rows()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Cursor keys go from cell to cell and Enter picks one, for those without a mouse."""
        keyed = watched is self.view and event.type() == QEvent.Type.KeyPress
        if keyed and self.history is not None and len(self.history):
            key = event.key()
            if key in _MOVES:
                row, column = self._cell or (0, 0)
                row = min(max(row + _MOVES[key][0], 0), len(self._cells) - 1)
                self._point(row, min(max(column + _MOVES[key][1], 0), len(self._cells[row]) - 1))
                return True
            if key in _PICKS and self._cell is not None:
                self.picked.emit(int(self._cells[self._cell[0]][self._cell[1]]))
                return True
        return super().eventFilter(watched, event)


def _elided(name: str) -> str:
    return name if len(name) <= _NAME_LETTERS else "…" + name[1 - _NAME_LETTERS :]
