"""The slice table of the review: one row a slice, sorted and filtered, in step with the viewer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt, Signal
from qtpy.QtGui import QColor, QKeyEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from napari_osuda.session.review.review import Review
from napari_osuda.session.review.slices import SliceTable
from napari_osuda.widgets.qt.theme import Palette
from napari_osuda.widgets.review.planes import Shown
from napari_osuda.widgets.review.slices.columns import CHOICES, FLAG, Column, columns_of

__all__ = ["FILTERS", "SliceModel", "SliceView"]

FILTERS = {
    "marked": "With labels",
    "changed": "Changed",
    "flagged": "Flagged",
    "undecided": "Undecided",
    "uncertain": "Most uncertain",
    "all": "All slices",
}
"""What the table can be narrowed to: slices with labels, changed ones, flagged by guard or person, ..."""

_HUES = {"after": "green", "before": "orange", "edited": "blue"}
_SORT = int(Qt.ItemDataRole.UserRole)


class SliceModel(QAbstractTableModel):
    """Rows in the viewer's order of slices.

    Parameters
    ----------
    colors : Palette
        Of napari's theme.
    """

    def __init__(self, colors: Palette) -> None:
        super().__init__()
        self._colors = colors
        self.review: Review | None = None
        self.table: SliceTable | None = None
        self.shown = Shown(0, 0, False)
        self._columns: list[Column] = []
        self._marked: frozenset[int] = frozenset()
        self._errors: dict[str, NDArray[np.int64]] = {}
        self._told: list[tuple[Any, ...]] = []

    def set_table(
        self, review: Review, table: SliceTable, shown: Shown, errors: dict[str, NDArray[np.int64]]
    ) -> None:
        """Show a plane of a case; ``errors``: wrong voxels of each slice by mask, given a reference."""
        self.beginResetModel()
        self.review, self.table, self.shown, self._errors = review, table, shown, errors
        self._columns = columns_of(review, table, shown, self._errors)
        self._marked = frozenset(review.to_decide(table.plane))
        self._told = self._tellings()
        self.endResetModel()

    def clear(self) -> None:
        """Show nothing."""
        self.beginResetModel()
        self.review, self.table, self._columns, self.shown = None, None, [], Shown(0, 0, False)
        self.endResetModel()

    def decided(self, errors: dict[str, NDArray[np.int64]]) -> None:
        """Tell the views of the rows that decisions have changed; they sort and filter those anew."""
        if self.review is None or self.table is None:
            return
        self._errors.update(errors)
        self._marked = frozenset(self.review.to_decide(self.table.plane))
        before, self._told = self._told, self._tellings()
        rows = [row for row, told in enumerate(self._told) if told != before[row]]
        if rows:
            self.dataChanged.emit(self.index(rows[0], 0), self.index(rows[-1], self.columnCount() - 1))

    def _tellings(self) -> list[tuple[Any, ...]]:
        """What decisions can change of each row."""
        review, table = self.review, self.table
        if review is None or table is None:
            return []
        slices = [self.shown.index(row) for row in range(self.rowCount())]
        return [
            (
                review.choice(table.plane, index),
                review.flag(table.plane, index),
                index in self._marked,
                *(int(column[index]) for column in self._errors.values()),
            )
            for index in slices
        ]

    def set_colors(self, colors: Palette) -> None:
        """Follow napari's theme."""
        self._colors = colors
        if self.rowCount():
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, self.columnCount() - 1))

    def is_in(self, wanted: str, index: int) -> bool:
        """Whether a slice (of the case's array) belongs to one of `FILTERS`."""
        review, table = self.review, self.table
        assert review is not None
        assert table is not None
        if wanted == "changed":
            return bool(table.change.changed[index])
        if wanted == "flagged":
            return bool(table.warnings[index]) or review.flag(table.plane, index) is not None
        if wanted == "uncertain":
            return bool(table.uncertain[index])
        if wanted == "undecided":
            return index in self._marked and review.choice(table.plane, index) is None
        return wanted == "all" or index in self._marked

    # Qt's side

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Slices of the plane."""
        return self.shown.count

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Columns; as many as labels ask for."""
        return len(self._columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = int(Qt.ItemDataRole.DisplayRole)
    ) -> Any:
        """Titles, and what they mean."""
        if orientation == Qt.Orientation.Horizontal and section < len(self._columns):
            if role == Qt.ItemDataRole.DisplayRole:
                return self._columns[section].title
            if role == Qt.ItemDataRole.ToolTipRole:
                return self._columns[section].tip
        return None

    def data(self, index: QModelIndex, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """What a cell says."""
        column = self._columns[index.column()]
        row = self.shown.index(index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(row)
        if role == _SORT:
            return column.sort(row)
        if role == Qt.ItemDataRole.TextAlignmentRole and column.numeric:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._hue(column.title, row)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(row)
        return None

    def _hue(self, title: str, row: int) -> QColor | None:
        assert self.review is not None
        assert self.table is not None
        if title == "Decision":
            chosen = self.review.choice(self.table.plane, row)
            return None if chosen is None else QColor(getattr(self._colors, _HUES[chosen.kind]))
        return QColor(self._colors.red) if title == FLAG else None

    def _tip(self, row: int) -> str:
        review, table = self.review, self.table
        assert review is not None
        assert table is not None
        chosen, flag = review.choice(table.plane, row), review.flag(table.plane, row)
        said = [f"{table.plane.capitalize()} slice at {table.position_mm[row]:.1f} mm"]
        said += [f"Guard: {table.warnings[row]}"] if table.warnings[row] else []
        said += [f"{CHOICES[chosen.kind]}, {chosen.who}, {chosen.when}"] if chosen else []
        said += [f"Flagged by {flag.who or 'somebody'}: {flag.comment or 'no comment'}"] if flag else []
        return "\n".join(said)


class _Proxy(QSortFilterProxyModel):
    def __init__(self, model: SliceModel) -> None:
        super().__init__()
        self.setSourceModel(model)
        self.setSortRole(_SORT)
        self.wanted = "marked"

    def filterAcceptsRow(self, row: int, parent: QModelIndex) -> bool:
        model = self.sourceModel()
        assert isinstance(model, SliceModel)
        return model.review is not None and model.is_in(self.wanted, model.shown.index(row))


class SliceView(QTableView):
    """The table as it is seen; letters are left to the viewer's keys.

    Parameters
    ----------
    model : SliceModel
    """

    #: The user went to a row: the viewer's slice number.
    went = Signal(int)

    def __init__(self, model: SliceModel) -> None:
        super().__init__()
        self._model = model
        self._proxy = _Proxy(model)
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
        self.setMinimumHeight(130)
        chosen = self.selectionModel()
        assert chosen is not None
        chosen.currentRowChanged.connect(self._on_current)

    def set_filter(self, wanted: str) -> None:
        """Narrow the table to one of `FILTERS`."""
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
        """Make the viewer's slice the current row, if the filter lets it be seen."""
        index = self._proxy.mapFromSource(self._model.index(step, 0))
        if self.current() == step and len(self.chosen()) > 1:
            return
        self._following = True
        if index.isValid():
            self.selectRow(index.row())
            self.scrollTo(index)
        else:
            self.clearSelection()
            self.setCurrentIndex(QModelIndex())
        self._following = False

    def _on_current(self, current: QModelIndex, _: QModelIndex) -> None:
        if not self._following and current.isValid():
            self.went.emit(self._proxy.mapToSource(current).row())

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


def next_of(wanted: Sequence[int], at: int, backwards: bool = False) -> int | None:
    """The next of some slice numbers after ``at``, around the end; None if there is none."""
    if not wanted:
        return None
    if backwards:
        return max((step for step in wanted if step < at), default=max(wanted))
    return min((step for step in wanted if step > at), default=min(wanted))
