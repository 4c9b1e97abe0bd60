"""Buttons of the review: decide a slice or the whole case, flag, undo, and how far the reviewer is."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_osuda.widgets.qt.buttons import push_button
from napari_osuda.widgets.qt.column import ButtonRows
from napari_osuda.widgets.qt.theme import Palette
from napari_osuda.widgets.qt.words import WrappedLabel
from napari_osuda.widgets.review import words
from napari_osuda.widgets.review.keys import key_text, titled

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
        self.bar.setFixedSize(60, 6)
        self.bar.setAccessibleName("Slices decided")
        self.position = WrappedLabel()
        self.target = WrappedLabel()
        self.after = _button(titled(words.use("after"), "after"), words.use_tip("after"))
        self.before = _button(titled(words.use("before"), "before"), words.use_tip("before"))
        self.edit = _button(titled(words.EDIT, "edit"), words.EDIT_TIP)
        self.flag = _button(titled(words.FLAG_BUTTON, "flag"), words.FLAG_TIP)
        self.edit.setCheckable(True)
        self.undo_button = _button(words.UNDO, key_text("undo"))
        self.redo_button = _button(words.REDO, key_text("redo"))
        self.comment = QLineEdit()
        self.comment.setPlaceholderText(words.COMMENT_HINT)
        self.comment.setAccessibleName("Comment for a flag")
        self.on = QCheckBox(words.THEN_NEXT)
        self.on.setChecked(True)
        self.rest_after = _button(words.rest("after"), words.REST_TIP)
        self.rest_before = _button(words.rest("before"), words.REST_TIP)
        self.rest_buttons = ButtonRows(self.rest_after, self.rest_before)
        self.whole = _button(words.WHOLE, "")
        menu = QMenu(self.whole)
        self._whole_after = menu.addAction(words.whole("after"), lambda: self.everywhere.emit("after"))
        menu.addAction(words.whole("before"), lambda: self.everywhere.emit("before"))
        menu.addAction(words.FLAG_CASE, self.case_flagged.emit)
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
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        # Each row of fixed things costs a row of the table, where the screen is low.
        layout.addLayout(_row(self.progress, self.bar, stretch=(1, 0)))
        layout.addWidget(self.position)
        layout.addWidget(self.target)
        layout.addLayout(_row(self.after, self.before, stretch=(1, 1)))
        layout.addLayout(_row(self.edit, self.undo_button, self.redo_button, self.whole))
        layout.addLayout(_row(self.flag, self.comment, stretch=(0, 1)))
        layout.addWidget(self.on)
        layout.addWidget(self.rest_buttons)

    def set_names(self, names: Mapping[str, str]) -> None:
        """Call the second mask what it is: adapted, or reduced."""
        self.after.setText(titled(words.use("after", names), "after"))
        self.after.setToolTip(words.use_tip("after", names))
        self.rest_after.setText(words.rest("after", names))
        self._whole_after.setText(words.whole("after", names))

    def set_progress(self, done: int, total: int, plane: str) -> None:
        """How many slices of the plane are decided."""
        # A bar repaints itself at once, and with it the whole window: let it wait for its turn.
        self.bar.setUpdatesEnabled(False)
        self.bar.setRange(0, max(total, 1))
        self.bar.setValue(done)
        self.bar.setUpdatesEnabled(True)
        word = "slice" if total == 1 else "slices"
        mark = (
            f"&nbsp;<span style='color: {self._colors.green}'>\N{CHECK MARK}</span>" if done == total else ""
        )
        self.progress.setText(f"<b>{done} of {total} {plane} {word} decided</b>{mark}")

    def set_position(self, text: str, warning: str) -> None:
        """The current slice, and why it deserves a second look."""
        mark = f"<br><span style='color: {self._colors.red}'>{words.TRIANGLE}</span> "
        self.position.setText(escape(text) + (mark + escape(warning) if warning else ""))

    def set_target(self, text: str) -> None:
        """What the buttons act on, where that is more than the current slice."""
        self.target.setText(f"<b>{escape(text)}</b>")
        self.target.setVisible(bool(text))

    def set_steps(self, can_undo: bool, can_redo: bool, undecided: int) -> None:
        """What there is to undo and redo, and how many slices are undecided."""
        for button, step, can in ((self.undo_button, "undo", can_undo), (self.redo_button, "redo", can_redo)):
            button.setEnabled(can)
            button.setToolTip(key_text(step) if can else words.NOTHING_TO[step])
        for button in (self.rest_after, self.rest_before):
            button.setEnabled(undecided > 0)
            button.setToolTip(words.REST_TIP if undecided else words.NONE_UNDECIDED)
        # Where all is decided and saved, what was written is told in their place.
        self.rest_buttons.setVisible(undecided > 0)

    def set_colors(self, colors: Palette) -> None:
        """Follow napari's theme."""
        self._colors = colors


def _row(*widgets: QWidget, stretch: tuple[int, ...] = ()) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(4)
    for index, widget in enumerate(widgets):
        row.addWidget(widget, stretch[index] if stretch else 0)
    return row


def _button(text: str, tip: str) -> QPushButton:
    button = push_button(text, tip)
    # A layout that lacks room takes it from labels and tables, never from what decides.
    button.setMinimumHeight(button.sizeHint().height())
    return button
