"""The panels of the review, from top to bottom, and what they say of the case as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_osuda.session.review.case import ReviewCase
from napari_osuda.session.review.review import Review
from napari_osuda.session.review.slices import SliceTable
from napari_osuda.widgets.cockpit.recommendations import RECOMMENDATION_MARKS
from napari_osuda.widgets.help import HelpButton
from napari_osuda.widgets.qt.column import scrolled
from napari_osuda.widgets.qt.lists import combo_box
from napari_osuda.widgets.qt.theme import Palette
from napari_osuda.widgets.qt.words import WrappedLabel
from napari_osuda.widgets.review import words
from napari_osuda.widgets.review.decide_panel import DecidePanel
from napari_osuda.widgets.review.keys import KeyLegend
from napari_osuda.widgets.review.reference.panel import ReferencePanel
from napari_osuda.widgets.review.runs.panel import RunsPanel
from napari_osuda.widgets.review.slices.panel import SlicePanel
from napari_osuda.widgets.review.tools.panel import ToolPanel
from napari_osuda.widgets.review.view.mode_panel import ModePanel
from napari_osuda.widgets.review.view.opacity import LabelOpacity
from napari_osuda.widgets.review.view.volumes import VolumeLine, VolumeTable, label_names

__all__ = ["NameField", "ReviewPage"]


class NameField(QLineEdit):
    """A name to sign with, that gets the keyboard once all is decided; what is not typing is passed on."""

    #: Ctrl+Z where nothing was typed: the decision is meant.
    undo = Signal()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Leave with Escape; undo the last decision where there is no text to undo."""
        if event is not None and event.key() == Qt.Key.Key_Escape:
            self.clearFocus()
        elif (
            event is not None and event.matches(QKeySequence.StandardKey.Undo) and not self.isUndoAvailable()
        ):
            self.clearFocus()
            self.undo.emit()
        else:
            super().keyPressEvent(event)


class ReviewPage:
    """Lays the panels out in a widget.

    Parameters
    ----------
    owner : DockedWidget
        Gets the layout.
    colors : Palette
        Of napari's theme.
    """

    def __init__(self, owner: Any, colors: Palette) -> None:
        self._colors = colors
        self._case: ReviewCase | None = None
        self._told = ("", False)
        self.empty = WrappedLabel(words.EMPTY)
        self.last_button = QPushButton(words.REVIEW_LAST)
        self.open_button = QPushButton(words.OPEN)
        self.open_button.setToolTip(words.OPEN_TIP)
        self.case = combo_box("Case under review", tip=words.WORKLIST_TIP, width="any")
        self.advice = WrappedLabel()
        self._why = False
        self.slices = SlicePanel(colors)
        self.decide = DecidePanel(colors)
        self.modes = ModePanel()
        self.opacity = LabelOpacity()
        self.volumes = VolumeTable()
        self.line = VolumeLine()
        self.tools = ToolPanel()
        self.runs = RunsPanel()
        self.reference = ReferencePanel(owner.viewer)
        self.legend = KeyLegend()
        self.name = NameField()
        self.name.setPlaceholderText(words.NAME_HINT)
        self.name.setToolTip(words.NAME_TIP)
        self.name.setAccessibleName("Reviewer")
        self.save_button = QPushButton(words.SAVE)
        self.save_button.setToolTip(words.SAVE_TIP)
        self.export_button = QPushButton(words.EXPORT)
        self.export_button.setToolTip(words.EXPORT_TIP)
        self.note = WrappedLabel()
        self._arrange(owner)
        flags = Qt.TextInteractionFlag
        self.advice.setTextInteractionFlags(flags.LinksAccessibleByMouse | flags.LinksAccessibleByKeyboard)
        self.advice.linkActivated.connect(self._toggle_why)
        self.case.currentTextChanged.connect(self._name_case)
        # What was missing is being written.
        self.name.textEdited.connect(lambda: self.tell(""))

    def set_case(self, case: ReviewCase | None) -> None:
        """Show a case, or that there is none."""
        self._case = case
        self.empty.setVisible(case is None)
        self.last_button.hide()
        self.body.setVisible(case is not None)
        self.foot.setVisible(case is not None)
        self.space.setVisible(case is None)
        if case is None:
            self.slices.clear()
            return
        self.opacity.set_labels(case.labels, case.colors)
        for panel in (self.decide, self.modes, self.reference):
            panel.set_names(case.names)
        self.tools.set_labels(case.labels)
        self.tools.pieces.set_case(case)
        self._write_advice()

    def set_volumes(self, review: Review, table: SliceTable) -> None:
        """Show what the masks hold now, and list the labels that a person has added."""
        self.volumes.show_case(review, table)
        self.line.show_case(review)
        self.tools.pieces.show_final(review.final)
        names = label_names(review)
        if self.tools.labels != names:
            self.tools.set_labels(names)

    @property
    def reviewer(self) -> str:
        """Who reviews, as the record will say."""
        return str(self.name.text().strip())

    def ask_name(self) -> bool:
        """All is decided: where only the name is missing the keyboard is for it; whether it is missing."""
        missing = not self.reviewer and self.name.isVisible()
        if missing:
            self.name.setFocus()
        return missing

    def set_empty(self, why: str, again: bool) -> None:
        """Say why there is no case, and no more of the one before; offer the run that has ended here."""
        self.tell("")
        self.empty.setText(words.closed_html(why) if why else words.EMPTY)
        self.last_button.setVisible(again)

    def set_worklist(self, rows: Sequence[str], at: int) -> None:
        """List the cases with their states."""
        if [self.case.itemText(row) for row in range(self.case.count())] != list(rows):
            self.case.clear()
            self.case.addItems(list(rows))
        self.case.setCurrentIndex(at)
        self.case.setVisible(bool(rows))

    def tell(self, text: str, bad: bool = False) -> None:
        """Say something below everything."""
        self._told = (text, bad)
        self.note.setToolTip("")
        mark = f"<span style='color: {self._colors.red}'>{words.TRIANGLE}</span> " if bad else ""
        self.note.setText(mark + escape(text))
        self.note.setVisible(bool(text))

    def set_colors(self, colors: Palette) -> None:
        """Follow napari's theme."""
        self._colors = colors
        for panel in (self.slices, self.decide):
            panel.set_colors(colors)
        self._write_advice()
        self.tell(*self._told)

    def _write_advice(self) -> None:
        case = self._case
        self.advice.setVisible(case is not None)
        if case is None:
            return
        mark, hue = RECOMMENDATION_MARKS.get(case.decision, RECOMMENDATION_MARKS[None])
        said = (
            f"<span style='color: {getattr(self._colors, hue)}'>{mark}</span> <b>{words.headline(case)}</b>"
        )
        if case.reasons:
            link = words.LESS if self._why else words.DETAILS
            said += f" &nbsp;<a href='why' style='color: {self._colors.blue}'>{link}</a>"
            said += "<br>" + " ".join(map(escape, case.reasons)) if self._why else ""
        self.advice.setText(said)
        self.advice.setToolTip(" ".join(case.reasons))

    def _toggle_why(self) -> None:
        self._why = not self._why
        self._write_advice()

    def _name_case(self, text: str) -> None:
        # A long name does not fit: its tip says all of it.
        self.case.setToolTip(f"{text}\n{words.WORKLIST_TIP}" if text else words.WORKLIST_TIP)

    def _arrange(self, owner: QWidget) -> None:
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        labels = QWidget()
        column = QVBoxLayout(labels)
        column.setContentsMargins(0, 4, 0, 0)
        for part in (self.volumes, WrappedLabel(f"<b>{words.OPACITY}</b>"), self.opacity):
            column.addWidget(part)
        column.addStretch(1)
        panels = {
            "slices": self.slices,
            "opacity": labels,
            "tools": self.tools,
            "runs": self.runs,
            "reference": self.reference,
            "keys": self.legend,
        }
        for name, panel in panels.items():
            # A table scrolls by itself.
            self.tabs.addTab(panel if name in ("slices", "runs") else scrolled(panel), words.TABS[name])
        self.tabs.currentChanged.connect(
            lambda _: self.runs.set_chosen(self.tabs.currentWidget() is self.runs)
        )
        # Buttons lie outside of what scrolls: a decision is never out of reach.
        self.body = QWidget()
        inner = QVBoxLayout(self.body)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(4)
        inner.addWidget(self.advice)
        inner.addWidget(self.tabs, 1)
        inner.addWidget(self.modes)
        inner.addWidget(self.decide)
        inner.addWidget(self.line)
        self.foot = QWidget()
        sign = QHBoxLayout(self.foot)
        sign.setContentsMargins(0, 0, 0, 0)
        sign.addWidget(self.name, 1)
        sign.addWidget(self.save_button)
        sign.addWidget(self.export_button)
        head = QHBoxLayout()
        head.addWidget(self.case, 1)
        head.addWidget(self.open_button)
        head.addWidget(HelpButton("review"))
        self.space = QWidget()
        layout = QVBoxLayout(owner)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self.empty)
        layout.addWidget(self.last_button)
        layout.addWidget(self.body, 1)
        layout.addWidget(self.foot)
        layout.addWidget(self.note)
        layout.addWidget(self.space, 1)
