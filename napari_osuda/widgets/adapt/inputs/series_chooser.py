"""A study holds several DICOM series: which of them are opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_osuda.imaging import modality_of

if TYPE_CHECKING:
    from napari_osuda.imaging.dicom import DicomSeries

__all__ = ["SeriesChooser"]

_SCROLL_BAR, _WIDEST = 20, 700


class SeriesChooser(QDialog):
    """A list of series to tick; those whose name says a contrast are ticked at first.

    Parameters
    ----------
    parent : QWidget
        Which window waits for the answer.
    series : sequence of DicomSeries
    chosen : callable
        Called with those that are ticked, unless there are none or the dialog is dismissed.
    """

    def __init__(
        self,
        parent: QWidget | None,
        series: Sequence[DicomSeries],
        chosen: Callable[[list[DicomSeries]], object],
    ) -> None:
        super().__init__(None if parent is None else parent.window())
        self.setWindowTitle("OSUDA: DICOM series")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._series, self._chosen = list(series), chosen
        self.list = QListWidget()
        self.list.setAccessibleName("DICOM series")
        named = any(modality_of(one.description) for one in self._series)
        for one in self._series:
            item = QListWidgetItem(_words(one))
            item.setToolTip(str(one.folder))
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            ticked = one.is_magnitude and (not named or modality_of(one.description) is not None)
            item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
            self.list.addItem(item)
        # Names of protocols are long, and the count of files stands behind them.
        wanted = self.list.sizeHintForColumn(0) + 4 * self.list.frameWidth() + _SCROLL_BAR
        self.list.setMinimumWidth(min(wanted, _WIDEST))
        self.list.itemChanged.connect(lambda _: self._on_ticked())
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel(f"There are {len(self._series)} series. Which are to be opened?"))
        layout.addWidget(self.list)
        layout.addWidget(self.buttons)
        self.accepted.connect(lambda: self._chosen(self.ticked))
        self._on_ticked()

    @property
    def ticked(self) -> list[DicomSeries]:
        """The series that are to be opened."""
        rows = (self.list.item(row) for row in range(self.list.count()))
        return [
            one
            for one, item in zip(self._series, rows, strict=True)
            if item is not None and item.checkState() == Qt.CheckState.Checked
        ]

    def _on_ticked(self) -> None:
        button = self.buttons.button(QDialogButtonBox.StandardButton.Open)
        if button is not None:
            button.setEnabled(bool(self.ticked))
            button.setToolTip("" if self.ticked else "Tick a series first.")


def _words(series: DicomSeries) -> str:
    count = len(series.files)
    number = "" if series.number is None else f"{series.number}: "
    return f"{number}{series.description} ({count} file{'s' if count != 1 else ''})"
