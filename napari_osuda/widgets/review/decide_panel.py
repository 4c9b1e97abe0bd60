"""Buttons of the review: decide a slice or the whole case, flag, undo, and how far the reviewer is."""

from __future__ import annotations

from html import escape

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_osuda.widgets.qt.theme import Palette
from napari_osuda.widgets.qt.words import WrappedLabel

__all__ = ["DecidePanel"]


class DecidePanel(QWidget):
    """What can be decided, each by a button that names its key.

    Parameters
    ----------
    colors : Palette
        Of napari's theme.
    """

    #: "after" or "before", for the chosen slices.
    decided = Signal(str)
    #: "after" or "before", for every slice that nobody has decided.
    rest = Signal(str)
    #: "after" or "before", for the whole volume, whatever was decided.
    everywhere = Signal(str)
    edit_toggled = Signal(bool)
    #: Flag the chosen slices, with the comment.
    flagged = Signal()
    #: Flag the case, with the comment.
    case_flagged = Signal()
    undo = Signal()
    redo = Signal()

    def __init__(self, colors: Palette) -> None:
        super().__init__()
        self._colors = colors
        self.progress = WrappedLabel()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.bar.setAccessibleName("Slices decided")
        self.place = WrappedLabel()
        self.after = _button("Accept after (A)", "Take the adapted model's mask in the chosen slices")
        self.before = _button("Keep before (K)", "Take the source model's mask in the chosen slices")
        self.edit = _button(
            "Edit (I)", "Correct the slice with napari's paint tools; each stroke is recorded"
        )
        self.flag = _button(
            "Flag (G)", "Flag the chosen slices with the comment below, or take the flag away"
        )
        self.edit.setCheckable(True)
        self.undo_button = _button("Undo", "Take the last decision back (Ctrl+Z)")
        self.redo_button = _button("Redo", "Do it again (Ctrl+Shift+Z)")
        self.comment = QLineEdit()
        self.comment.setPlaceholderText("Comment for a flag; Enter flags")
        self.comment.setAccessibleName("Comment for a flag")
        self.on = QCheckBox("then go to the next undecided slice")
        self.on.setChecked(True)
        self.rest_after = _button("Rest: after", "Accept the adapted mask wherever nothing is decided")
        self.rest_before = _button("Rest: before", "Keep the source mask wherever nothing is decided")
        self.whole = _button("All", "The whole case, whatever was decided")
        self.whole.setAccessibleName("The whole case")
        menu = QMenu(self.whole)
        for text, act in (
            ("Accept after everywhere", lambda: self.everywhere.emit("after")),
            ("Keep before everywhere", lambda: self.everywhere.emit("before")),
            ("Flag this case with the comment", self.case_flagged.emit),
        ):
            added = menu.addAction(text)
            assert added is not None
            added.triggered.connect(act)
        self.whole.setMenu(menu)
        self._arrange()
        self.after.clicked.connect(lambda: self.decided.emit("after"))
        self.before.clicked.connect(lambda: self.decided.emit("before"))
        self.edit.clicked.connect(self.edit_toggled)
        self.flag.clicked.connect(self.flagged)
        self.comment.returnPressed.connect(self.flagged)
        self.undo_button.clicked.connect(self.undo)
        self.redo_button.clicked.connect(self.redo)
        self.rest_after.clicked.connect(lambda: self.rest.emit("after"))
        self.rest_before.clicked.connect(lambda: self.rest.emit("before"))

    def _arrange(self) -> None:
        grid = QGridLayout()
        grid.setSpacing(4)
        for place, button in enumerate((self.after, self.before, self.edit, self.flag)):
            grid.addWidget(button, place // 2, place % 2)
        steps = QHBoxLayout()
        steps.addWidget(self.undo_button)
        steps.addWidget(self.redo_button)
        rest = QHBoxLayout()
        for widget in (self.rest_after, self.rest_before):
            rest.addWidget(widget, 1)
        rest.addWidget(self.whole)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.progress)
        layout.addWidget(self.bar)
        layout.addWidget(self.place)
        layout.addLayout(grid)
        layout.addWidget(self.on)
        layout.addWidget(self.comment)
        layout.addLayout(steps)
        layout.addLayout(rest)

    def set_progress(self, done: int, total: int, plane: str) -> None:
        """How many slices of the plane are decided."""
        # A bar repaints itself at once, and with it the whole window: let it wait for its turn.
        self.bar.setUpdatesEnabled(False)
        self.bar.setRange(0, max(total, 1))
        self.bar.setValue(done)
        self.bar.setUpdatesEnabled(True)
        word = "slice" if total == 1 else "slices"
        mark = f" <span style='color: {self._colors.green}'>\N{CHECK MARK}</span>" if done == total else ""
        self.progress.setText(f"<b>{done} of {total} {plane} {word} decided</b>{mark}")

    def set_place(self, told: str, warning: str) -> None:
        """Where the viewer is, and what the guard says of that slice."""
        hint = f"<br><span style='color: {self._colors.red}'>\N{BLACK UP-POINTING TRIANGLE}</span> " + escape(
            warning
        )
        self.place.setText(escape(told) + (hint if warning else ""))

    def set_steps(self, can_undo: bool, can_redo: bool, undecided: int) -> None:
        """What there is to undo and redo, and whether a rest is left."""
        self.undo_button.setEnabled(can_undo)
        self.redo_button.setEnabled(can_redo)
        self.rest_after.setEnabled(undecided > 0)
        self.rest_before.setEnabled(undecided > 0)

    def set_colors(self, colors: Palette) -> None:
        """Follow napari's theme."""
        self._colors = colors


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setMinimumWidth(1)
    # A click must not take the keyboard from the viewer.
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
