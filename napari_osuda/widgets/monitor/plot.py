"""What every plot of the monitor has: a title, a legend in words, napari's colors, PNG and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

from qtpy.QtCore import QEvent, QMimeData, QObject, Qt
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import (
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_osuda.files import csv_cell, written_whole
from napari_osuda.widgets.cockpit.history import RunHistory
from napari_osuda.widgets.monitor.canvas import Canvas
from napari_osuda.widgets.qt.theme import Palette

__all__ = ["PlotPanel"]

_PNG_SCALE = 2
# Height of a plot over its width.
_ASPECT = 0.45


class PlotPanel(QWidget):
    """One plot of a run: subclasses draw what is in ``history`` when `redraw` is called.

    Parameters
    ----------
    title : str
        What is plotted.
    meaning : str
        One plain sentence on it, with its equation; the tooltip.
    colors : Palette
        Of napari's theme.
    """

    aspect = _ASPECT
    #: Whether there is anything of this kind in the run that is shown.
    wanted = True

    def __init__(self, title: str, meaning: str, colors: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = title
        self.colors = colors
        self.history: RunHistory | None = None
        self.setToolTip(meaning)
        self.setAccessibleName(title)
        self.setAccessibleDescription(meaning)

        self.heading = QLabel(f"<b>{title}</b>")
        self.legend = QLabel()
        self.legend.setWordWrap(True)
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        # A label that wraps would otherwise ask for the width of its longest text.
        for label in (self.heading, self.legend):
            label.setMinimumWidth(1)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.view: Any = Canvas(self.aspect)
        self.view.scene().sigMouseMoved.connect(self._moved)
        self.view.viewport().installEventFilter(self)

        self.buttons = {
            "PNG": self._button("PNG", f"Saves '{title}' as a picture", self._ask_png),
            "CSV": self._button("CSV", f"Saves the numbers of '{title}'", self._ask_csv),
            "Copy": self._button("Copy", f"Copies '{title}' as a picture and its numbers as text", self.copy),
        }
        top = QHBoxLayout()
        top.addWidget(self.heading, 1)
        for button in self.buttons.values():
            top.addWidget(button)
        self.figure = QWidget()
        inside = QVBoxLayout(self.figure)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(2)
        inside.addLayout(top)
        inside.addWidget(self.legend)
        inside.addWidget(self.view, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 6)
        layout.addWidget(self.figure)

    def _button(self, text: str, tip: str, action: object) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.clicked.connect(action)
        button.setEnabled(False)
        return button

    def place_below_heading(self, widget: QWidget) -> None:
        """Put a control of a subclass between the heading and the legend."""
        layout = self.figure.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.insertWidget(1, widget)

    # What a subclass gives

    def prepare(self) -> None:
        """Make the items for a new ``history`` (or for none)."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Put the newest data into the items."""
        raise NotImplementedError

    def recolor(self) -> None:
        """Give the items the ``colors``."""
        raise NotImplementedError

    def table(self) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
        """The plot's numbers: names of the columns, and the rows."""
        raise NotImplementedError

    def point_at(self, x: float, y: float) -> None:
        """The mouse is at this place of the plot, in its own coordinates."""

    def point_away(self) -> None:
        """The mouse has left the plot."""

    # What all do

    def show_history(self, history: RunHistory | None) -> None:
        """Begin anew with the data of a run, or empty."""
        self.history = history
        self.prepare()
        self.set_colors(self.colors)
        self.redraw()

    def refresh(self) -> None:
        """Draw the newest data, if there are any."""
        some = self.history is not None and len(self.history) > 0
        for button in self.buttons.values():
            button.setEnabled(some)
        if some:
            self.redraw()

    def set_colors(self, colors: Palette) -> None:
        """Follow napari's theme."""
        self.colors = colors
        self.view.set_colors(colors)
        self.recolor()

    def picture(self) -> QPixmap:
        """Title, legend and plot, at twice the size of the screen's."""
        picture = QPixmap(self.figure.size() * _PNG_SCALE)
        picture.setDevicePixelRatio(_PNG_SCALE)
        picture.fill(self.palette().window().color())
        for button in self.buttons.values():
            button.hide()
        self.figure.render(picture)
        for button in self.buttons.values():
            button.show()
        return picture

    def numbers(self, stream: IO[str], **dialect: Any) -> None:
        """Write the plot's numbers as CSV."""
        names, rows = self.table()
        writer = csv.writer(stream, **dialect)
        writer.writerow(map(csv_cell, names))
        writer.writerows([csv_cell(value) for value in row] for row in rows)

    def save_png(self, path: Path | str) -> None:
        """Write the picture."""
        with written_whole(path) as partial:
            self.picture().save(str(partial), "PNG")

    def save_csv(self, path: Path | str) -> None:
        """Write the plot's numbers."""
        with written_whole(path) as partial, open(partial, "w", newline="", encoding="utf-8") as stream:
            self.numbers(stream)

    def copy(self) -> None:
        """Put the picture on the clipboard, and the numbers as a text that spreadsheets take."""
        text = io.StringIO()
        self.numbers(text, delimiter="\t", lineterminator="\n")
        data = QMimeData()
        data.setImageData(self.picture().toImage())
        data.setText(text.getvalue())
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setMimeData(data)

    def _ask_png(self) -> None:
        self._ask("Picture (*.png)", ".png", self.save_png)

    def _ask_csv(self) -> None:
        self._ask("Table (*.csv)", ".csv", self.save_csv)

    def _ask(self, kind: str, suffix: str, save: object) -> None:
        name = "".join(c if c.isalnum() else "-" for c in self.title.lower()).strip("-") + suffix
        path, _ = QFileDialog.getSaveFileName(self, f"Save {self.title}", name, kind)
        if path:
            save(path if path.lower().endswith(suffix) else path + suffix)  # type: ignore[operator]

    def _moved(self, position: object) -> None:
        box = self.view.box
        if box.sceneBoundingRect().contains(position):
            point = box.mapSceneToView(position)
            self.point_at(point.x(), point.y())
        else:
            self.point_away()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """See the mouse leave the plot, which the scene does not tell."""
        if event.type() == QEvent.Type.Leave:
            self.point_away()
        return super().eventFilter(watched, event)
