"""A table of the runs on this case; one click shows another of them."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from napari_osuda.session.guard.wording import headline, second_name
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.session.review.same_case import OtherRun, runs_on_case
from napari_osuda.widgets.qt.background import Background
from napari_osuda.widgets.qt.words import WrappedLabel

__all__ = ["RunsPanel"]

_TITLES = ("Method", "Recommended", "Expected Dice", "ml", "Overlap", "Ended")
_TIPS = (
    "The method, and the source model",
    "Of the two masks of that run",
    "Of the adapted or reduced mask: an estimate without reference, and its interval",
    "Volume of all labels of the adapted or reduced mask",
    "Dice with that mask of the run that is shown now, all labels together",
    "When the run ended",
)
_SHORT = {"keep-source": "original", "neither": "neither"}
_ALONE = (
    "There is no other run on these images in the same folder. Run another method in OSUDA: Adapt to compare."
)
_UNWRITTEN = "This run was not written to a folder, so there is nothing to compare it with."
_READING = "Looking for other runs on these images\N{HORIZONTAL ELLIPSIS}"
_CLICK = "Click a run to show its masks. Decisions of each run are kept."


class RunsPanel(QWidget):
    """Looks for the runs once its tab is chosen, off the window's thread."""

    #: The folder of the run that was clicked.
    opened = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._case: tuple[ReviewRun, str] | None = None
        self._known = self._chosen = False
        self.runs: Sequence[OtherRun] = ()
        self.note = WrappedLabel(_READING)
        self.table = QTableWidget(0, len(_TITLES))
        self.table.setAccessibleName("Runs on this case")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        rows = self.table.verticalHeader()
        assert rows is not None
        rows.hide()
        for column, (title, tip) in enumerate(zip(_TITLES, _TIPS, strict=True)):
            item = QTableWidgetItem(title)
            item.setToolTip(tip)
            self.table.setHorizontalHeaderItem(column, item)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.addWidget(self.note)
        layout.addWidget(self.table, 1)
        self._looking = Background(self)
        self._looking.done.connect(self._show)
        self._looking.failed.connect(lambda _: self._show(()))
        self.table.cellClicked.connect(self._on_click)

    def set_case(self, run: ReviewRun | None, name: str = "") -> None:
        """Another case is under review, or none."""
        self._case, self._known = (None if run is None else (run, name)), False
        self.runs = ()
        self.table.setRowCount(0)
        self.set_chosen(self._chosen)

    def set_chosen(self, chosen: bool) -> None:
        """Whether its tab is the one that is seen."""
        self._chosen = chosen
        if chosen and not self._known:
            self.look()

    def look(self) -> None:
        """Look for the runs."""
        if self._case is None:
            return
        run, name = self._case
        self._known = True
        if run.folder is None:
            self.note.setText(_UNWRITTEN)
            return
        self.note.setText(_READING)
        self._looking.run(lambda: runs_on_case(run, name))

    def close_down(self) -> None:
        """Wait for the search."""
        self._looking.close()

    def _show(self, runs: Sequence[OtherRun]) -> None:
        self.runs = runs
        self.note.setText(_CLICK if len(runs) > 1 else _ALONE)
        self.table.setRowCount(len(runs))
        for row, run in enumerate(runs):
            for column, (text, tip) in enumerate(_cells(run)):
                item = QTableWidgetItem(text)
                item.setToolTip(tip)
                font = item.font()
                font.setBold(run.current)
                item.setFont(font)
                self.table.setItem(row, column, item)
        self.table.resizeColumnsToContents()

    def _on_click(self, row: int, column: int) -> None:
        if not self.runs[row].current:
            self.opened.emit(str(self.runs[row].folder))


def _recommended(run: OtherRun) -> str:
    return second_name(run.removed) if run.decision == "accept" else _SHORT.get(run.decision or "", "none")


def _cells(run: OtherRun) -> list[tuple[str, str]]:
    expected, overlap = "not known", "other grid" if run.overlap is None else f"{run.overlap:.2f}"
    if run.expected is not None:
        value, low, high = run.expected
        expected = f"{value:.2f} ({low:.2f} to {high:.2f})"
    mark = "\N{BLACK RIGHT-POINTING POINTER} " if run.current else ""
    return [
        (f"{mark}{run.method}", f"{run.model}, {run.iterations} iterations. {run.folder}"),
        (_recommended(run), headline(run.decision, run.removed)),
        (expected, ""),
        (f"{run.ml:,.1f}", ""),
        (overlap, ""),
        (run.ended[:16].replace("T", " "), run.ended),
    ]
