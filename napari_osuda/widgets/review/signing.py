"""Who reviews, and how a review is saved: the final mask first, then the report off the window's thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_osuda.errors import OsudaError, explain
from napari_osuda.session.review.report import write_review_report
from napari_osuda.session.review.review import Review
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.session.review.saving import keep_run, save_review
from napari_osuda.widgets.qt.background import Background
from napari_osuda.widgets.qt.questions import ask
from napari_osuda.widgets.review import words
from napari_osuda.widgets.review.context import ReviewContext
from napari_osuda.widgets.review.exports import Exports
from napari_osuda.widgets.review.page import ReviewPage

__all__ = ["Signing"]


class Signing(QObject):
    """Saves the case under review under the reviewer's name, which ends with this panel.

    Parameters
    ----------
    context : ReviewContext
    page : ReviewPage
        Holds the name.
    window : QWidget
        That a dialog belongs to.
    """

    #: A final mask was written.
    saved = Signal()

    def __init__(self, context: ReviewContext, page: ReviewPage, window: QWidget) -> None:
        super().__init__(window)
        self._context = context
        self._page = page
        self._window = window
        self._reporting = Background(self, every=True)
        self.exports = Exports(context, page, window)
        page.name.returnPressed.connect(self.save)
        page.save_button.clicked.connect(self.save)
        self._reporting.done.connect(lambda reported: reported())
        self._reporting.failed.connect(lambda error: context.tell(explain(error), True))

    @property
    def reviewer(self) -> str:
        """Who reviews."""
        return self._page.reviewer

    def save(self) -> None:
        """Ask what there is to ask, and write the final mask, its table and the report."""
        context, run, review = self._context, self._context.run, self._context.review
        if run is None or review is None or not context.in_front():
            return
        if not self.reviewer:
            context.tell(words.NEEDS_NAME, True)
            self._page.name.setFocus()
            return
        plane, done, total = run.best_progress(review)
        if done == total:
            if review.case.decision == "neither":
                chosen = (review.choice(plane, index) for index in review.to_decide(plane))
                counts = Counter(str(entry.kind) for entry in chosen if entry is not None)
                question = words.save_doubted(review.case, counts, plane)
                answers = {words.SAVE: lambda: self._save(run, review)}
                ask(self._page.body, question, answers, cautious=True)
                return
            self._save(run, review)
            return
        question = words.save_question(review.case, total - done, plane)
        doubted = review.case.decision == "neither"
        answers = {words.SAVE_ANYWAY: lambda: self._save(run, review)}
        ask(
            self._page.body, f"{words.NEITHER} {question}" if doubted else question, answers, cautious=doubted
        )

    def _save(self, run: ReviewRun, review: Review) -> None:
        context = self._context
        if review is not context.review:
            return
        try:
            if run.folder is None:
                chosen = QFileDialog.getExistingDirectory(self._window, words.CHOOSE_FOLDER)
                if not chosen:
                    return
                keep_run(run, Path(chosen))
            context.keep_position()
            saved = save_review(run, review.case.name, self.reviewer)
        except (OsudaError, OSError) as error:
            context.tell(explain(error), True)
            return
        _, done, total = run.best_progress(review)
        said = words.saved(saved, total - done)
        self._page.name.clearFocus()
        ended = context.begin(f"{said} {words.REPORTING}")
        self._page.note.setToolTip(str(saved.path))

        def reported() -> None:
            if ended(f"{said} {words.REPORT_DONE}"):
                self._page.note.setToolTip(str(saved.path))

        def report() -> Callable[[], None]:
            write_review_report(run)
            return reported

        self.saved.emit()
        self._reporting.run(report)

    def close(self) -> None:
        """Wait for the report, and for what is being exported."""
        self._reporting.close()
        self.exports.close()
