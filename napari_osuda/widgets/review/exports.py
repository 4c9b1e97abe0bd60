"""The menu "Export": what was signed, copied to where the reader wants it."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QFileDialog, QMenu, QWidget

from napari_osuda.errors import explain
from napari_osuda.session.report.paper import paper
from napari_osuda.session.review.exporting import ExportForm, ExportOffer, export_file, export_offers
from napari_osuda.session.review.report import review_report
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.widgets.qt.background import Background
from napari_osuda.widgets.review import words
from napari_osuda.widgets.review.context import ReviewContext
from napari_osuda.widgets.review.page import ReviewPage
from napari_osuda.widgets.review.pdf import write_pdf

__all__ = ["Exports"]


class Exports(QObject):
    """Fills the menu when it is opened, and writes off the window's thread.

    Parameters
    ----------
    context : ReviewContext
    page : ReviewPage
        Has the button.
    window : QWidget
        That a dialog belongs to.
    """

    def __init__(self, context: ReviewContext, page: ReviewPage, window: QWidget) -> None:
        super().__init__(window)
        self._context = context
        self._window = window
        # One for each file: what goes wrong with any of them is told.
        self._writing: list[Background] = []
        self.menu = QMenu(page.export_button)
        self.menu.setToolTipsVisible(True)
        page.export_button.setMenu(self.menu)
        self.menu.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """List what there is; what is missing is grayed, and its tip says why."""
        self.menu.clear()
        run, review = self._context.run, self._context.review
        if run is None or review is None:
            return
        for offer in export_offers(run, review.case.name):
            action = self.menu.addAction(words.EXPORTS[offer.form])
            assert action is not None
            action.setEnabled(not offer.why_not)
            action.setToolTip(offer.why_not or words.EXPORT_TIP)
            if offer.why_not:
                # A grayed line shows no tip on every platform, so the line itself says it.
                action.setText(f"{words.EXPORTS[offer.form]}  ({offer.why_not})")
            action.triggered.connect(lambda _, offer=offer: self._ask(run, offer))

    def export(self, run: ReviewRun, offer: ExportOffer, target: Path) -> None:
        """Write one form; how it went is told in the panel."""

        def write() -> Path:
            if offer.form is ExportForm.PDF:
                report = review_report(run)
                write_pdf(target, paper(report), report.title)
            else:
                assert offer.source is not None
                export_file(offer.source, target)
            return target

        self._writing = [writing for writing in self._writing if writing.busy]
        writing, ended = Background(self), self._context.begin(words.EXPORTING)
        writing.done.connect(lambda path: ended(words.exported(path)))
        writing.failed.connect(lambda error: self._context.tell(explain(error), True))
        self._writing.append(writing)
        writing.run(write)

    def close(self) -> None:
        """Wait for what is being written."""
        for writing in self._writing:
            writing.close()

    def _ask(self, run: ReviewRun, offer: ExportOffer) -> None:
        path, _ = QFileDialog.getSaveFileName(self._window, words.EXPORTS[offer.form], offer.name)
        if path:
            self.export(run, offer, Path(path))
