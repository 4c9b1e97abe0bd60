"""Strip, filter and table of the slices of one plane, as one panel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtGui import QStandardItemModel
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_osuda.session.review.review import Review
from napari_osuda.session.review.slices import SliceTable
from napari_osuda.widgets.qt.lists import combo_box
from napari_osuda.widgets.qt.theme import Palette
from napari_osuda.widgets.review.slices.model import SliceModel, next_of
from napari_osuda.widgets.review.slices.strip import ChangeStrip
from napari_osuda.widgets.review.slices.table import SliceView
from napari_osuda.widgets.review.view.planes import PlaneAxis
from napari_osuda.widgets.review.words import FILTERS

__all__ = ["SlicePanel"]


class SlicePanel(QWidget):
    """Slices by the viewer's numbers.

    Parameters
    ----------
    colors : Palette
        Of napari's theme.
    """

    #: The user went to a slice.
    went = Signal(int)
    #: Other rows are selected.
    selected = Signal()

    def __init__(self, colors: Palette) -> None:
        super().__init__()
        self.model = SliceModel(colors)
        self.view = SliceView(self.model)
        self.strip = ChangeStrip(colors)
        self._step = 0
        self.filter = combo_box("Which slices are listed")
        for name, title in FILTERS.items():
            self.filter.addItem(title, name)
        self.count = QLabel()
        row = QHBoxLayout()
        row.addWidget(self.filter)
        row.addWidget(self.count)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.strip)
        layout.addLayout(row)
        layout.addWidget(self.view, 1)
        self.filter.activated.connect(self._on_filter)
        # A list that keeps the keyboard would take the letters that are keys of the review.
        self.filter.activated.connect(self.filter.clearFocus)
        self.view.went.connect(self.went)
        self.view.selected.connect(self.selected)
        self.strip.went.connect(self.went)

    def set_table(
        self, review: Review, table: SliceTable, shown: PlaneAxis, errors: dict[str, NDArray[np.int64]]
    ) -> None:
        """Show a plane of a case."""
        self.model.set_table(review, table, shown, errors)
        # A run of an earlier version kept no uncertainty: there is nothing to list then.
        rows = self.filter.model()
        assert isinstance(rows, QStandardItemModel)
        item = rows.item(self.filter.findData("uncertain"))
        assert item is not None
        item.setEnabled(table.uncertainty is not None)
        self.view.fit()
        self.view.renew()
        self._summarize()

    def clear(self) -> None:
        """Show nothing."""
        self.model.clear()
        self.strip.set_values((), (), ())
        self._count()

    def decided(self, errors: dict[str, NDArray[np.int64]]) -> None:
        """Show what decisions have changed."""
        self.view.decided(errors)
        self._summarize()

    def follow(self, step: int) -> None:
        """Mark the viewer's slice."""
        self._step = step
        self.strip.show_step(step)
        self.view.follow(step)

    def chosen(self, step: int) -> list[int]:
        """Slices a decision is for: the selected rows if the viewer's is among them, else the viewer's."""
        rows = self.view.chosen()
        return rows if step in rows else [step]

    def next(self, wanted: str, step: int, backwards: bool = False) -> int | None:
        """The next slice of one of `words.FILTERS` after ``step``; None if there is none."""
        shown = self.model.shown
        steps = [at for at in range(shown.count) if self.model.is_in(wanted, shown.index(at))]
        return next_of(steps, step, backwards)

    def set_colors(self, colors: Palette) -> None:
        """Follow napari's theme."""
        self.model.set_colors(colors)
        self.strip.set_colors(colors)

    def set_filter(self, wanted: str) -> None:
        """Narrow the table to one of `words.FILTERS`."""
        self.filter.setCurrentIndex(self.filter.findData(wanted))
        self._on_filter()

    def _on_filter(self) -> None:
        self.view.set_filter(self.filter.currentData())
        self.view.follow(self._step)
        self._count()

    def _summarize(self) -> None:
        """The strip, and how many rows there are."""
        self._count()
        model = self.model
        review, table, shown = model.review, model.table, model.shown
        if review is None or table is None:
            return
        rows = [shown.index(step) for step in range(shown.count)]
        choices = [review.choice(table.plane, row) for row in rows]
        self.strip.set_values(
            [int(table.change.changed[row]) for row in rows],
            ["" if chosen is None else chosen.kind for chosen in choices],
            [bool(table.warnings[row]) or review.flag(table.plane, row) is not None for row in rows],
        )

    def _count(self) -> None:
        model = self.view.model()
        rows = 0 if model is None else model.rowCount()
        self.count.setText(f"{rows} of {self.model.rowCount()} slices")
