"""Who reviews, and how a review is saved: the final mask first, then the report off the window's thread."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QObject, QSettings, Signal
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_osuda.errors import OsudaError
from napari_osuda.session.review.report import write_review_report
from napari_osuda.session.review.saving import Saved, keep_run, save_review
from napari_osuda.widgets.qt.background import Background
from napari_osuda.widgets.qt.words import error_sentence
from napari_osuda.widgets.review.desk import Desk
from napari_osuda.widgets.review.page import ReviewPage

__all__ = ["Signing"]


class Signing(QObject):
    """Saves the case on the desk under the reviewer's name, which it remembers.

    Parameters
    ----------
    desk : Desk
    page : ReviewPage
        Holds the name.
    window : QWidget
        That a dialog belongs to.
    """

    #: A final mask was written.
    saved = Signal()

    def __init__(self, desk: Desk, page: ReviewPage, window: QWidget) -> None:
        super().__init__(window)
        self._desk = desk
        self._page = page
        self._window = window
        self._said = ""
        self._reporting = Background(self)
        self._settings = QSettings("napari-osuda", "napari-osuda")
        page.name.setText(str(self._settings.value("reviewer", "")))
        page.name.textChanged.connect(lambda: self._settings.setValue("reviewer", self.reviewer))
        page.name.returnPressed.connect(self.save)
        page.save_button.clicked.connect(self.save)
        self._reporting.done.connect(lambda _: desk.tell(self._said))
        self._reporting.failed.connect(lambda error: desk.tell(error_sentence(error), True))

    @property
    def reviewer(self) -> str:
        """Who reviews."""
        return str(self._page.name.text().strip())

    def save(self) -> None:
        """Write the final mask, its table and the report into the run folder."""
        desk, run, review = self._desk, self._desk.run, self._desk.review
        if run is None or review is None:
            return
        if not self.reviewer:
            desk.tell("Enter your name: the record says who decided.", True)
            self._page.name.setFocus()
            return
        try:
            if run.folder is None:
                chosen = QFileDialog.getExistingDirectory(
                    self._window, "An empty folder for this run and its review"
                )
                if not chosen:
                    return
                keep_run(run, Path(chosen))
            desk.keep_place()
            saved = save_review(run, review.case.name, self.reviewer)
        except (OsudaError, OSError) as error:
            desk.tell(error_sentence(error), True)
            return
        done, total = run.best_progress(review)
        said = _said_of(saved, total - done)
        self._said = f"{said} The report is beside it."
        self._page.name.clearFocus()
        desk.tell(f"{said} Writing the report\N{HORIZONTAL ELLIPSIS}")
        self.saved.emit()
        self._reporting.run(lambda: write_review_report(run))

    def close(self) -> None:
        """Wait for the report."""
        self._reporting.close()


def _said_of(saved: Saved, undecided: int) -> str:
    said = [f"Saved {saved.path}."]
    if saved.segmentation is not None:
        said.append(f"{saved.segmentation.name} is the same as DICOM-SEG.")
    said += [saved.problem] if saved.problem else []
    if undecided:
        word = "slice is" if undecided == 1 else "slices are"
        said.append(f"{undecided} {word} undecided and hold{'s' * (undecided == 1)} the proposal.")
    return " ".join(said)
