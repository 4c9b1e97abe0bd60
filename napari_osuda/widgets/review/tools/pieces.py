"""The pieces of the original mask that the second look has removed: look at each, and bring it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_osuda.evaluation import Piece, lost_pieces
from napari_osuda.session.report.removed import place_words
from napari_osuda.session.review.case import ReviewCase
from napari_osuda.session.review.tools.use import Scope, Tool, ToolUse
from napari_osuda.widgets.qt.buttons import push_button
from napari_osuda.widgets.qt.lists import combo_box
from napari_osuda.widgets.qt.words import WrappedLabel
from napari_osuda.widgets.review.tools import words

__all__ = ["PiecesPanel"]


class PiecesPanel(QWidget):
    """A list of the pieces with two buttons; hidden where none was removed."""

    #: A `ToolUse` is wanted.
    used = Signal(object)
    #: The `Piece` that is to be seen.
    wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._case: ReviewCase | None = None
        self.pieces: Sequence[Piece] = ()
        self.list = combo_box(words.PIECES, tip=words.PIECES_TIP, width="any")
        self.show_button = push_button(words.SHOW, words.SHOW_TIP)
        self.back_button = push_button(words.TITLES[Tool.BRING_BACK], words.TIPS[Tool.BRING_BACK])
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.show_button, 1)
        row.addWidget(self.back_button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 4)
        layout.setSpacing(4)
        layout.addWidget(WrappedLabel(f"<b>{words.PIECES}</b>"))
        layout.addWidget(self.list)
        layout.addLayout(row)
        self.hide()
        # A list that keeps the keyboard would take the letters that are keys of the review.
        self.list.activated.connect(self.list.clearFocus)
        self.show_button.clicked.connect(lambda: self.wanted.emit(self.pieces[self.list.currentIndex()]))
        self.back_button.clicked.connect(self._bring_back)

    def set_case(self, case: ReviewCase) -> None:
        """List the pieces of a case."""
        self._case = case
        removed = bool(case.removed)
        self.pieces = lost_pieces(case.before, case.after, case.grid.affine) if removed else ()
        self.list.clear()
        for piece in self.pieces:
            self.list.addItem(self._title(piece, back=False))
        self.setVisible(bool(self.pieces))

    def show_final(self, final: NDArray[Any]) -> None:
        """Say which pieces the final mask holds."""
        if self._case is None:
            return
        for row, piece in enumerate(self.pieces):
            self.list.setItemText(row, self._title(piece, back=piece.is_in(final)))

    def _title(self, piece: Piece, back: bool) -> str:
        assert self._case is not None
        place = place_words(piece, self._case.grid, self._case.plane)
        return words.piece(piece.number, place, piece.ml, back)

    def _bring_back(self) -> None:
        piece = self.pieces[self.list.currentIndex()]
        self.used.emit(ToolUse(Tool.BRING_BACK, scope=Scope.VOLUME, piece=piece.number))
