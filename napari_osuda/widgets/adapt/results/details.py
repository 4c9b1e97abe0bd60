"""Why a mask is recommended, and how both score against a reference."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_osuda.evaluation import region_words
from napari_osuda.widgets.adapt.words import result_words
from napari_osuda.widgets.qt.theme import Palette
from napari_osuda.widgets.qt.words import WrappedLabel

if TYPE_CHECKING:
    from napari_osuda.evaluation import RegionScore
    from napari_osuda.session import RunResult

__all__ = ["OutcomeDetails"]


class OutcomeDetails(QWidget):
    """Reasons, scores, and how far the run came."""

    def __init__(self) -> None:
        super().__init__()
        self.reasons = WrappedLabel()
        self.scores = WrappedLabel()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 6)
        layout.addWidget(WrappedLabel("<b>Details of the result</b>"))
        layout.addWidget(self.reasons)
        layout.addWidget(self.scores)

    def show_result(self, result: RunResult, colors: Palette) -> None:
        """Show why a run's recommendation is what it is, in the colors of napari's theme."""
        from napari_osuda.session.guard.wording import reasons_in_words, second_name

        case = result.cases[0]
        sentences = [*reasons_in_words(result.recommendation), result_words(result, where=False) + "."]
        if result.folder is not None:
            sentences.append(f"Run folder: {result.folder}")
        self.reasons.setText("<br>".join(f"• {escape(reason)}" for reason in sentences))
        self.scores.setVisible(bool(case.scores_before))
        advice = result.recommendation
        second = second_name(0 if advice is None else advice.removed)
        self.scores.setText(_score_table(case.scores_before, case.scores_after, second, colors))


def _score_table(
    before: tuple[RegionScore, ...], after: tuple[RegionScore, ...], second: str, colors: Palette
) -> str:
    """Dice of each region in the original and the second mask; a fall is marked as plainly as a gain."""
    now = {score.region: score.dice for score in after}
    head = f"<th align='left'>Dice&nbsp;</th><th>original&nbsp;</th><th>{second}&nbsp;</th><th></th>"
    rows = [f"<tr>{head}</tr>"]
    for score in before:
        name = escape(region_words(score.region))
        cells = f"<td>{name}&nbsp;</td><td align='right'>{score.dice:.3f}&nbsp;</td>"
        if score.region in now:
            gain = now[score.region] - score.dice
            color = colors.blue if gain >= 0 else colors.red
            cells += (
                f"<td align='right'>{now[score.region]:.3f}&nbsp;</td>"
                f"<td align='right'><span style='color: {color}'>{gain:+.3f}</span></td>"
            )
        rows.append(f"<tr>{cells}</tr>")
    return f"<table>{''.join(rows)}</table>"
