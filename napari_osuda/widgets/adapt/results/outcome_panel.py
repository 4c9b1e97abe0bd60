"""What came of a run: the recommendation, the choice of a mask, and what can be saved."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from napari_osuda.widgets.adapt.results.details import OutcomeDetails
from napari_osuda.widgets.adapt.words import (
    NEITHER_NEXT,
    NO_ADAPTED,
    NO_GUARD,
    REMOVED_SEEN,
    model_tip,
    recommendation_words,
    use_tip,
    use_words,
)
from napari_osuda.widgets.cockpit.recommendations import RECOMMENDATION_MARKS
from napari_osuda.widgets.qt.column import ButtonRows
from napari_osuda.widgets.qt.theme import Palette
from napari_osuda.widgets.qt.words import WrappedLabel, enable

if TYPE_CHECKING:
    from napari_osuda.session import RunResult

__all__ = ["OutcomePanel"]

_NO_ADAPTED = "There is no adapted mask."


class OutcomePanel(QWidget):
    """Shown once a run has ended; the chosen mask is the one that is seen and saved.

    Parameters
    ----------
    colors : Palette
        Of napari's theme.

    Attributes
    ----------
    details : OutcomeDetails
        Reasons and scores, for a place that scrolls; shown and hidden by the button "Details".
    """

    #: "after", "before", or "" for neither.
    preferred = Signal(str)
    save_mask = Signal()
    save_model = Signal()
    open_report = Signal()
    open_review = Signal()
    #: A run on the same images: from the "source" model again, or from the "result".
    again = Signal(str)

    def __init__(self, colors: Palette) -> None:
        super().__init__()
        self._colors = colors
        self._result: RunResult | None = None
        self._busy = False
        self.text = WrappedLabel()
        self.other_case = WrappedLabel()
        self.details = OutcomeDetails()
        self.after = QRadioButton(use_words())
        self.before = QRadioButton("Use &original")
        self.before.setToolTip("Shows the original mask, and saves it")
        self._group = QButtonGroup(self)
        for role, button in (("after", self.after), ("before", self.before)):
            self._group.addButton(button)
            button.clicked.connect(lambda _, role=role: self.preferred.emit(role))
        self.details_button = QPushButton("&Details")
        self.details_button.setCheckable(True)
        self.details_button.setToolTip("Shows the reasons and the figures")
        self.details_button.toggled.connect(self.details.setVisible)
        self.mask_button = QPushButton("Save mask…")
        self.model_button = QPushButton("Save model…")
        self.report_button = QPushButton("Open report")
        self.review_button = QPushButton("Review…")
        self.again_button = QPushButton("Run again")
        menu = QMenu(self.again_button)
        menu.addAction("from the source model", lambda: self.again.emit("source"))
        self.from_result = menu.addAction("from the adapted model", lambda: self.again.emit("result"))
        self.again_button.setMenu(menu)
        self.mask_button.setToolTip("Saves the chosen mask as .nii.gz in the scan's own space")
        self.mask_button.clicked.connect(self.save_mask)
        self.model_button.clicked.connect(self.save_model)
        self.report_button.clicked.connect(self.open_report)
        self.review_button.clicked.connect(self.open_review)
        choice = QHBoxLayout()
        for widget in (self.after, self.before):
            widget.setMinimumWidth(1)
            choice.addWidget(widget, 1)
        self.buttons = (
            self.review_button, self.mask_button, self.details_button,
            self.report_button, self.model_button, self.again_button,
        )  # fmt: skip
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.text)
        layout.addWidget(self.other_case)
        layout.addLayout(choice)
        layout.addWidget(ButtonRows(*self.buttons))
        self.show_result(None)

    @property
    def choice(self) -> str:
        """Which mask is chosen: "after", "before", or "" where none is."""
        return "after" if self.after.isChecked() else "before" if self.before.isChecked() else ""

    @property
    def report(self) -> Path | None:
        """The run's page, if it was written."""
        folder = None if self._result is None else self._result.folder
        page = None if folder is None else folder / "report.html"
        return page if page is not None and page.is_file() else None

    def choose(self, role: str) -> None:
        """Choose "after" or "before", or neither (""), as the user could."""
        self._check(role)
        self.preferred.emit(role)

    def _check(self, role: str) -> None:
        # An exclusive group would not let go of the last.
        self._group.setExclusive(False)
        self.after.setChecked(role == "after")
        self.before.setChecked(role == "before")
        self._group.setExclusive(True)

    def show_result(self, result: RunResult | None) -> None:
        """Show what came of a run, or nothing while there is none; what is recommended is chosen."""
        self._result = result
        case = result.cases[0] if result is not None and result.cases else None
        self.setVisible(case is not None)
        self.details_button.setChecked(False)
        self.details.hide()
        self.set_other_case("")
        adapted = case is not None and case.after is not None
        advice = None if result is None else result.recommendation
        preset = {"keep-source": "before", "neither": ""}
        role = preset.get(advice.decision, "after") if advice is not None else "after"
        self._check(role if adapted else "before")
        if case is not None:
            self.preferred.emit(self.choice)
        network = result is not None and result.has_model
        why_not = "" if adapted else _NO_ADAPTED
        removed = 0 if advice is None else advice.removed
        self.after.setText(use_words(removed))
        enable(self.after, use_tip(removed), why_not)
        enable(self.review_button, "Decide slice by slice which mask to use", why_not)
        enable(
            self.model_button,
            model_tip(removed),
            "" if network else "There is no adapted model.",
        )
        enable(
            self.report_button,
            "Opens the report with pictures and curves in the browser",
            "" if self.report is not None else "There is no report of this run.",
        )
        folder = None if result is None else result.folder
        self.from_result.setEnabled(folder is not None and (folder / "model").is_dir())
        self._enable_again()
        self._write()

    def set_other_case(self, chosen: str) -> None:
        """Say that the images which are chosen now are of another case; "" where they are not."""
        case = "" if self._result is None else ", ".join(c.case.name for c in self._result.cases)
        said = f"These masks are of <b>{escape(case)}</b>, not of {escape(chosen)}." if chosen else ""
        self.other_case.setText(said)
        self.other_case.setVisible(bool(said))

    def set_busy(self, busy: bool) -> None:
        """While a run is under way, none can be begun from here."""
        self._busy = busy
        self._enable_again()

    def set_colors(self, colors: Palette) -> None:
        """Follow napari's theme."""
        self._colors = colors
        self._write()

    def _enable_again(self) -> None:
        enable(
            self.again_button,
            "Adapts to the same images again, with the settings as they are now",
            "A run is under way." if self._busy else "",
        )

    def _write(self) -> None:
        result = self._result
        case = result.cases[0] if result is not None and result.cases else None
        if result is None or case is None:
            return
        advice = result.recommendation
        mark, hue, headline = "▲", "orange", NO_GUARD
        if case.after is None:
            headline = NO_ADAPTED
        elif advice is not None:
            mark, hue = RECOMMENDATION_MARKS[advice.decision]
            headline = recommendation_words(advice.decision, advice.removed)
        doubted = case.after is not None and advice is not None and advice.decision == "neither"
        next_ = f"<br>{NEITHER_NEXT}" if doubted else ""
        if advice is not None and advice.decision == "accept" and advice.removed:
            # On the slice that the viewer goes to, it might be taken for the mask.
            next_ = f"<br>{REMOVED_SEEN}"
        name = ", ".join(each.case.name for each in result.cases)
        color = getattr(self._colors, hue)
        said = f"<span style='color: {color}'>{mark}</span> <b>{headline}</b> ({escape(name)})"
        self.text.setText(said + next_)
        self.details.show_result(result, self._colors)
