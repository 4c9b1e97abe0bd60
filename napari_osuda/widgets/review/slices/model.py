"""The slices of a plane as rows: what each says, and which of them are listed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QSortFilterProxyModel,
    Qt,
)
from qtpy.QtGui import QColor, QFont

from napari_osuda.session.review.review import Review
from napari_osuda.session.review.slices import SliceTable
from napari_osuda.session.review.wording import warning_words
from napari_osuda.widgets.qt.theme import Palette
from napari_osuda.widgets.review.slices.columns import DECISION, SliceColumn, columns_of
from napari_osuda.widgets.review.view.planes import PlaneAxis
from napari_osuda.widgets.review.words import FLAG, choice_label

__all__ = ["FilteredSlices", "SliceModel", "next_of"]

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
        self.shown = PlaneAxis(0, 0, False)
        self._columns: list[SliceColumn] = []
        self._marked: frozenset[int] = frozenset()
        self._errors: dict[str, NDArray[np.int64]] = {}
        self._states: list[tuple[Any, ...]] = []
        # The viewer's slice: marked by its ground, since the selection is the user's alone.
        self._current = -1

    def set_table(
        self, review: Review, table: SliceTable, shown: PlaneAxis, errors: dict[str, NDArray[np.int64]]
    ) -> None:
        """Show a plane of a case; ``errors``: wrong voxels of each slice by mask, given a reference."""
        self.beginResetModel()
        self.review, self.table, self.shown, self._errors = review, table, shown, errors
        self._columns = columns_of(review, table, shown, self._errors)
        self._marked = frozenset(review.to_decide(table.plane))
        self._states = self._row_states()
        self.endResetModel()

    def clear(self) -> None:
        """Show nothing."""
        self.beginResetModel()
        self.review, self.table, self._columns, self.shown = None, None, [], PlaneAxis(0, 0, False)
        self.endResetModel()

    def decided(self, errors: dict[str, NDArray[np.int64]]) -> None:
        """Tell the views of the rows that decisions have changed; they sort and filter those anew."""
        if self.review is None or self.table is None:
            return
        self._errors.update(errors)
        self._marked = frozenset(self.review.to_decide(self.table.plane))
        before, self._states = self._states, self._row_states()
        rows = [row for row, state in enumerate(self._states) if state != before[row]]
        if rows:
            self.dataChanged.emit(self.index(rows[0], 0), self.index(rows[-1], self.columnCount() - 1))

    def _row_states(self) -> list[tuple[Any, ...]]:
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

    def set_current(self, step: int) -> None:
        """Mark the row of the slice that the viewer shows."""
        was, self._current = self._current, step
        for row in {was, step}:
            if 0 <= row < self.rowCount():
                marked = self.index(row, 0), self.index(row, self.columnCount() - 1)
                self.dataChanged.emit(*marked, [Qt.ItemDataRole.BackgroundRole, Qt.ItemDataRole.FontRole])

    def is_in(self, wanted: str, index: int) -> bool:
        """Whether a slice (of the case's array) belongs to one of `words.FILTERS`."""
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
        if index.row() == self._current:
            return self._mark(role)
        return None

    def _mark(self, role: int) -> QColor | QFont | None:
        if role == Qt.ItemDataRole.BackgroundRole:
            ground = QColor(self._colors.blue)
            ground.setAlpha(90)
            return ground
        if role == Qt.ItemDataRole.FontRole:
            font = QFont()
            font.setBold(True)
            return font
        return None

    def _hue(self, title: str, row: int) -> QColor | None:
        assert self.review is not None
        assert self.table is not None
        if title == DECISION:
            chosen = self.review.choice(self.table.plane, row)
            return None if chosen is None else QColor(getattr(self._colors, _HUES[chosen.kind]))
        return QColor(self._colors.red) if title == FLAG else None

    def _tip(self, row: int) -> str:
        review, table = self.review, self.table
        assert review is not None
        assert table is not None
        chosen, flag = review.choice(table.plane, row), review.flag(table.plane, row)
        said = [f"{table.plane.capitalize()} slice at {table.position_mm[row]:.1f} mm"]
        names = review.case.names
        said += [warning_words(table.warnings[row], names)] if table.warnings[row] else []
        if chosen is not None:
            said.append(", ".join(filter(None, (choice_label(chosen.kind, names), chosen.who, chosen.when))))
        said += [f"Flagged by {flag.who or 'a reviewer'}: {flag.comment or 'no comment'}"] if flag else []
        return "\n".join(said)


class FilteredSlices(QSortFilterProxyModel):
    """Rows of a model, narrowed to one of `words.FILTERS` (``wanted``) and sorted by a column."""

    def __init__(self, model: SliceModel) -> None:
        super().__init__()
        self.setSourceModel(model)
        self.setSortRole(_SORT)
        self.wanted = "marked"

    def filterAcceptsRow(self, row: int, parent: QModelIndex) -> bool:
        """Whether a row is listed."""
        model = self.sourceModel()
        assert isinstance(model, SliceModel)
        return model.review is not None and model.is_in(self.wanted, model.shown.index(row))


def next_of(wanted: Sequence[int], at: int, backwards: bool = False) -> int | None:
    """The next of some slice numbers after ``at``, around the end; None if there is none."""
    if not wanted:
        return None
    if backwards:
        return max((step for step in wanted if step < at), default=max(wanted))
    return min((step for step in wanted if step > at), default=min(wanted))
