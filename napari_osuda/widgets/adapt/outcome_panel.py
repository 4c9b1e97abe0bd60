"""What came of a run: the guard's recommendation, scores, the choice of a mask, and what can be saved."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QMenu, QPushButton, QRadioButton, QVBoxLayout, QWidget

from napari_osuda.widgets.qt.theme import Palette
from napari_osuda.widgets.qt.words import WrappedLabel

if TYPE_CHECKING:
    from napari_osuda.evaluation import RegionScore
    from napari_osuda.session import RunResult

__all__ = ["OutcomePanel"]


class OutcomePanel(QWidget):
    """Shown once a run has ended; the chosen mask is the one that is seen and saved.

    Parameters
    ----------
    colors : Palette
        Of napari's theme.
    """

    #: "after" or "before".
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
        self.text = WrappedLabel()
        self.scores = WrappedLabel()
        self.after = QRadioButton("Use the adapted mask")
        self.before = QRadioButton("Keep the source mask")
        self.after.setToolTip("The layer 'after' is shown, and saved as the mask")
        self.before.setToolTip("The layer 'before' is shown, and saved as the mask")
        self.after.clicked.connect(lambda: self.preferred.emit("after"))
        self.before.clicked.connect(lambda: self.preferred.emit("before"))
        self.mask_button = QPushButton("Save mask…")
        self.model_button = QPushButton("Save model…")
        self.report_button = QPushButton("Open report")
        self.review_button = QPushButton("Review…")
        self.review_button.setToolTip("Decide slice by slice which mask to take, in OSUDA: Review")
        self.again_button = QPushButton("Run again")
        self.again_button.setToolTip("Adapt to the same images once more, with the settings as they are now")
        menu = QMenu(self.again_button)
        self.from_source = menu.addAction("from the source model", lambda: self.again.emit("source"))
        self.from_result = menu.addAction("from the result", lambda: self.again.emit("result"))
        self.again_button.setMenu(menu)
        self.mask_button.setToolTip("The chosen mask as .nii.gz in the scan's own space")
        self.model_button.setToolTip("The adapted model as a model folder, which opens like the source model")
        self.report_button.setToolTip("The page of this run, with pictures and curves")
        self.mask_button.clicked.connect(self.save_mask)
        self.model_button.clicked.connect(self.save_model)
        self.report_button.clicked.connect(self.open_report)
        self.review_button.clicked.connect(self.open_review)
        buttons = QGridLayout()
        self.buttons = (
            self.review_button, self.report_button, self.mask_button, self.model_button, self.again_button,
        )  # fmt: skip
        for place, button in enumerate(self.buttons):
            button.setMinimumWidth(1)
            buttons.addWidget(button, place // 2, place % 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.text, self.scores, self.after, self.before):
            layout.addWidget(widget)
        layout.addLayout(buttons)
        self.show_result(None)

    @property
    def choice(self) -> str:
        """Which mask is chosen, "after" or "before"."""
        return "after" if self.after.isChecked() else "before"

    @property
    def report(self) -> Path | None:
        """The run's page, if it was written."""
        folder = None if self._result is None else self._result.folder
        page = None if folder is None else folder / "report.html"
        return page if page is not None and page.is_file() else None

    def show_result(self, result: RunResult | None) -> None:
        """Show what came of a run, or nothing while there is none; the guard's word is the first choice."""
        self._result = result
        case = result.cases[0] if result is not None and result.cases else None
        self.setVisible(case is not None)
        adapted = case is not None and case.after is not None
        advice = None if result is None else result.recommendation
        keep = not adapted or (advice is not None and advice.decision != "accept")
        (self.before if keep else self.after).setChecked(True)
        self.after.setEnabled(adapted)
        self.model_button.setEnabled(result is not None and result.network is not None)
        self.report_button.setEnabled(self.report is not None)
        self.review_button.setEnabled(adapted)
        folder = None if result is None else result.folder
        self.from_result.setEnabled(folder is not None and (folder / "model").is_dir())
        self._write()

    def set_busy(self, busy: bool) -> None:
        """While a run is under way, none can be begun from here."""
        self.again_button.setEnabled(not busy)

    def set_colors(self, colors: Palette) -> None:
        """Follow napari's theme."""
        self._colors = colors
        self._write()

    def _write(self) -> None:
        result = self._result
        advice = None if result is None else result.recommendation
        case = result.cases[0] if result is not None and result.cases else None
        if case is None:
            return
        if case.after is None:
            self.text.setText("The run ended before there was an adapted mask; the source model's is kept.")
        elif advice is None:
            self.text.setText("The guard was off: look at both masks before you choose.")
        else:
            keep = advice.decision != "accept"
            mark, color = ("▲", self._colors.orange) if keep else ("✔", self._colors.green)
            word = "keep the source mask" if keep else "accept the adapted mask"
            from napari_osuda.session.guard.wording import said

            reasons = " ".join(escape(reason) for reason in said(advice))
            used = "" if result is None or result.iteration is None else result.iteration
            chosen = f" Iteration {used} is used, by choice." if used else ""
            self.text.setText(
                f"<span style='color: {color}'>{mark}</span> <b>Recommended: {word}.</b> {reasons}{chosen}"
            )
        self.scores.setVisible(bool(case.scores_before))
        self.scores.setText(_score_table(case.scores_before, case.scores_after, self._colors))


def _score_table(before: tuple[RegionScore, ...], after: tuple[RegionScore, ...], colors: Palette) -> str:
    """Dice of each region, before and after; a fall is marked as plainly as a gain."""
    now = {score.region: score.dice for score in after}
    rows = ["<tr><th align='left'>Dice&nbsp;</th><th>before&nbsp;</th><th>after&nbsp;</th><th></th></tr>"]
    for score in before:
        cells = f"<td>{escape(score.region)}&nbsp;</td><td align='right'>{score.dice:.3f}&nbsp;</td>"
        if score.region in now:
            gain = now[score.region] - score.dice
            color = colors.blue if gain >= 0 else colors.red
            cells += (
                f"<td align='right'>{now[score.region]:.3f}&nbsp;</td>"
                f"<td align='right'><span style='color: {color}'>{gain:+.3f}</span></td>"
            )
        rows.append(f"<tr>{cells}</tr>")
    return f"<table>{''.join(rows)}</table>"
