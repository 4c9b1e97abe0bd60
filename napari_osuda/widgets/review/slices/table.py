"""The slice table as it is seen: sorted and filtered, in step with the viewer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QItemSelectionModel, QModelIndex, Qt, Signal
from qtpy.QtGui import QKeyEvent, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from napari_osuda.widgets.review.slices.model import FilteredSlices, SliceModel

__all__ = ["SliceView"]


class SliceView(QTableView):
    """The table as it is seen; letters are left to the viewer's keys.

    Parameters
    ----------
    model : SliceModel
    """

    #: The user went to a row: the viewer's slice number.
    went = Signal(int)
    #: Other rows are selected.
    selected = Signal()

    def __init__(self, model: SliceModel) -> None:
        super().__init__()
        self._model = model
        self._proxy = FilteredSlices(model)
        self._following = False
        self.setModel(self._proxy)
        self.setSortingEnabled(True)
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setAccessibleName("Slices of the case under review")
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        assert rows is not None
        assert columns is not None
        rows.hide()
        rows.setDefaultSectionSize(22)
        rows.setMinimumSectionSize(18)
        columns.setMinimumSectionSize(24)
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        columns.setHighlightSections(False)
        self.setMinimumHeight(90)
        chosen = self.selectionModel()
        assert chosen is not None
        chosen.currentRowChanged.connect(self._on_current)
        chosen.selectionChanged.connect(lambda *_: self.selected.emit())

    def set_filter(self, wanted: str) -> None:
        """Narrow the table to one of `words.FILTERS`."""
        self._proxy.wanted = wanted
        self.renew()

    def decided(self, errors: dict[str, NDArray[np.int64]]) -> None:
        """Show what decisions have changed; the current row stays the viewer's slice."""
        self._following = True
        self._model.decided(errors)
        self._following = False

    def renew(self) -> None:
        """Filter and sort anew."""
        self._following = True
        self._proxy.invalidate()
        self._following = False

    def fit(self) -> None:
        """Make columns as wide as what they say, without looking at every row."""
        header = self.horizontalHeader()
        assert header is not None
        header.setResizeContentsPrecision(24)
        self.resizeColumnsToContents()

    def current(self) -> int | None:
        """The viewer's slice number of the current row."""
        index = self.currentIndex()
        return self._proxy.mapToSource(index).row() if index.isValid() else None

    def chosen(self) -> list[int]:
        """The viewer's slice numbers of all selected rows."""
        selection = self.selectionModel()
        assert selection is not None
        return sorted(self._proxy.mapToSource(index).row() for index in selection.selectedRows())

    def follow(self, step: int) -> None:
        """Mark the viewer's slice and make it seen; what is selected stays selected."""
        self._model.set_current(step)
        index = self._proxy.mapFromSource(self._model.index(step, 0))
        selection = self.selectionModel()
        assert selection is not None
        self._following = True
        selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)
        if index.isValid():
            self.scrollTo(index)
        self._following = False

    def _on_current(self, current: QModelIndex, _: QModelIndex) -> None:
        if not self._following and current.isValid():
            self.went.emit(self._proxy.mapToSource(current).row())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep the viewer's slice seen, also where buttons below have taken room."""
        super().resizeEvent(event)
        if self.currentIndex().isValid():
            self.scrollTo(self.currentIndex())

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Arrows move in the table; what is written is a key of the viewer's."""
        if event is not None and event.text().isprintable() and event.text().strip():
            event.ignore()
            return
        super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent | None) -> None:
        """As for presses: a held key ends in the viewer as well."""
        if event is not None:
            event.ignore()
