"""The patients of a folder, adapted to one after the other, also after napari was closed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QUrl, Signal
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog, QMenu, QPushButton, QVBoxLayout, QWidget

from napari_osuda.errors import OsudaError, explain
from napari_osuda.files import path_inside
from napari_osuda.widgets.adapt.batch import words
from napari_osuda.widgets.adapt.batch.stand_ins import StandInNote
from napari_osuda.widgets.qt.background import Background
from napari_osuda.widgets.qt.column import ButtonRows
from napari_osuda.widgets.qt.fold import Fold
from napari_osuda.widgets.qt.theme import Palette
from napari_osuda.widgets.qt.words import NoteLabel, WrappedLabel, enable

if TYPE_CHECKING:
    from napari_osuda.models import SourceModel
    from napari_osuda.session.cohort.batch import Batch, BatchProgress

__all__ = ["BatchPanel"]


@dataclass(frozen=True)
class _Left:
    """A batch of an earlier session that is not finished."""

    batch: Batch
    progress: BatchProgress


class BatchPanel(QWidget):
    """Chooses a folder, begins, stops and goes on; folded away until someone wants it.

    Parameters
    ----------
    chosen : callable
        Gives model, settings, method and device as chosen in the other panels; raises `OsudaError`.
    place : callable
        The folder in which runs are kept.
    is_busy : callable
        Whether a run of one patient is under way.
    """

    #: A batch begins (True) or ended (False).
    under_way = Signal(bool)
    #: Other contrasts are to be given to the model as they are.
    contrast_off = Signal()
    _progressed = Signal(object)

    def __init__(
        self,
        chosen: Callable[[], tuple[SourceModel | None, Any, str, str]],
        place: Callable[[], Path],
        is_busy: Callable[[], bool],
    ) -> None:
        super().__init__()
        self._chosen, self._place, self._is_busy = chosen, place, is_busy
        self._folder: Path | None = None
        self._batch: Batch | None = None
        self._progress: BatchProgress | None = None
        self._stop = threading.Event()
        self.running = False
        self.state = WrappedLabel()
        self.failures = NoteLabel()
        self.stand_ins = StandInNote(chosen)
        self.folder_button = QPushButton("Choose folder…")
        self.start_button = QPushButton("Start batch")
        self.stop_button = QPushButton("Stop batch")
        self.remove_button = QPushButton("Forget batch")
        self.report_button = QPushButton("Open report")
        self.deeper_button = QPushButton(words.DEEPER)
        self.deeper_button.setToolTip(words.DEEPER_TIP)
        self.deeper_button.setMenu(QMenu(self.deeper_button))
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 4, 0, 0)
        column.addWidget(WrappedLabel(words.ABOUT))
        buttons = (self.folder_button, self.start_button, self.stop_button, self.report_button)
        column.addWidget(ButtonRows(*buttons, self.remove_button))
        column.addWidget(self.state)
        column.addWidget(self.stand_ins)
        column.addWidget(self.deeper_button)
        column.addWidget(self.failures)
        self.fold = Fold("Many patients")
        self.fold.addWidget(inside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.fold)
        self._offer(())
        self._looking, self._working = Background(self), Background(self)
        self._looking.done.connect(self._on_looked)
        self._looking.failed.connect(self._on_failed)
        self._working.done.connect(self._on_ended)
        self._working.failed.connect(self._on_failed)
        self._progressed.connect(self._on_progress)
        self.folder_button.clicked.connect(self._ask)
        self.start_button.clicked.connect(self.start)
        self.stop_button.clicked.connect(self.stop)
        self.remove_button.clicked.connect(self.forget)
        self.report_button.clicked.connect(self._open_report)
        self.stand_ins.linkActivated.connect(lambda _: self.contrast_off.emit())
        self.refresh()

    def look(self) -> None:
        """Look for a batch that is not finished, off the GUI thread; not where a folder is open by now."""
        if self._folder is not None:
            return

        def find() -> Any:
            from napari_osuda.session.cohort.batch import SavedBatch, read_progress

            batch = SavedBatch().read()
            return None if batch is None else _Left(batch, read_progress(batch))

        self._looking.run(find)

    def open(self, folder: Path | str) -> None:
        """Look for the patients of a folder, off the GUI thread."""
        self._folder, self._batch, self._progress = Path(folder), None, None
        self.state.setText(words.READING)
        self.failures.tell("")
        self.stand_ins.set_found()
        self._offer(())
        channels = self.stand_ins.channels()

        def find() -> Any:
            from napari_osuda.session.cohort.patients import patients_in
            from napari_osuda.session.cohort.stand_ins import stand_ins

            jobs = patients_in(Path(folder))
            return [job.name for job in jobs], channels, stand_ins(jobs, channels)

        self._looking.run(find)
        self.refresh()

    def look_again(self) -> None:
        """Another model is chosen: its contrast may be another one."""
        if self._folder is not None and self._batch is None and not self.running:
            self.open(self._folder)

    def start(self) -> None:
        """Begin, or go on with what an earlier batch has left."""
        from napari_osuda.session.cohort.batch import Batch, SavedBatch

        if self.running or self._is_busy():
            return
        model: SourceModel | None = None
        try:
            if self._batch is None:
                model, config, method, device = self._chosen()
                if model is None or self._folder is None:
                    self.state.setText(words.NO_FOLDER if model is not None else words.NO_MODEL)
                    self.refresh()
                    return
                self._batch = Batch.of(self._folder, self.out(self._folder), model, config, method, device)
            SavedBatch().keep(self._batch)
        except OsudaError as error:
            self._on_failed(error)
            return
        self._stop.clear()
        self.running = True
        batch = self._batch
        self.under_way.emit(True)
        self._working.run(lambda: self._go(batch, model))
        self.refresh()

    def stop(self) -> None:
        """Leave the batch after this iteration, to go on later."""
        self._stop.set()
        self.state.setText(words.STOPPING)
        self.refresh()

    def forget(self) -> None:
        """Offer the batch no more."""
        from napari_osuda.session.cohort.batch import SavedBatch

        if self._batch is not None and not self.running:
            SavedBatch().forget(self._batch)
            self._batch = self._progress = self._folder = None
            self.stand_ins.set_found()
            self.state.setText("")
            self.failures.tell("")
            self.refresh()

    def out(self, folder: Path) -> Path:
        """Where the results of a folder's patients go."""
        return path_inside(self._place(), f"{folder.name}-batch")

    def refresh(self, _: object = None) -> None:
        """Say at each button whether it can be pressed, and why not."""
        busy, has = self._is_busy(), self._batch is not None
        why_not = words.RUNNING if self.running else words.A_RUN if busy else ""
        if not why_not and not has:
            why_not = words.NO_FOLDER if self._folder is None else ""
        self.start_button.setText("Go on" if has else "Start batch")
        enable(self.start_button, words.START_TIP, why_not)
        enable(self.folder_button, words.CHOOSE_TIP, words.RUNNING if self.running else "")
        stopping = self.running and not self._stop.is_set()
        enable(self.stop_button, words.STOP_TIP, "" if stopping else words.NOT_RUNNING)
        enable(self.remove_button, words.REMOVE_TIP, words.RUNNING if self.running else "")
        report = None if self._progress is None else self._progress.report
        enable(self.report_button, "Opens the report on all patients", "" if report else words.NO_REPORT)
        self.stand_ins.refresh(None if self._batch is None else self._batch.config.contrast)
        self.remove_button.setVisible(has)
        self.state.setVisible(bool(self.state.text()))

    def set_colors(self, colors: Palette) -> None:
        """Follow napari's theme."""
        self.fold.set_colors(colors)
        self.stand_ins.color = colors.blue
        self.refresh()

    def close_down(self) -> None:
        """Leave a batch where it is, and wait for its thread."""
        self._stop.set()
        self._looking.close()
        self._working.close()

    def _go(self, batch: Batch, model: SourceModel | None) -> BatchProgress:
        """On a thread of its own."""
        from napari_osuda.session.cohort.batch import SavedBatch, go_through

        last: BatchProgress | None = None
        for last in go_through(batch, self._stop.is_set, model):
            self._progressed.emit(last)
        assert last is not None
        if not last.open:
            SavedBatch().forget(batch)
        return last

    def _on_looked(self, found: Any) -> None:
        if isinstance(found, tuple) and self._folder is not None:
            names, channels, others = found
            told = words.found_words(self._folder.name, names, str(self.out(self._folder)))
            self.state.setText(escape(told))
            self.stand_ins.set_found(channels, others)
        elif isinstance(found, _Left) and not self.running:
            self._batch, self._progress = found.batch, found.progress
            folder = Path(self._batch.folder)
            self.state.setText(escape(words.left_words(folder.name, self._progress)))
            self.state.setToolTip(str(folder))
            self.fold.expand(animate=False)
        self.refresh()

    def _on_progress(self, progress: BatchProgress) -> None:
        self._progress = progress
        if not self._stop.is_set():
            self.state.setText(escape(words.progress_words(progress)))
        self.failures.tell(words.exception_words(progress))

    def _on_ended(self, progress: BatchProgress) -> None:
        self._progress, self.running = progress, False
        self.state.setText(escape(words.progress_words(progress)))
        self.failures.tell(words.exception_words(progress))
        if not progress.open:
            self._batch = self._folder = None
        self.under_way.emit(False)
        self.refresh()

    def _on_failed(self, error: Exception) -> None:
        from napari_osuda.session.cohort.patients import DeeperPatientsError

        self._offer(error.inside if isinstance(error, DeeperPatientsError) else ())
        was, self.running = self.running, False
        self.state.setText(escape(explain(error)))
        if was:
            self.under_way.emit(False)
        else:
            self._folder = None
        self.refresh()

    def _offer(self, folders: Sequence[Path]) -> None:
        """Let one of the folders be chosen in place of the one that holds them."""
        menu = self.deeper_button.menu()
        assert menu is not None
        menu.clear()
        for folder in folders[: words.MOST_OFFERED]:
            menu.addAction(folder.name, partial(self.open, folder))
        self.deeper_button.setVisible(bool(folders))

    def _ask(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Folder with the patients", "")
        if path:
            self.open(path)

    def _open_report(self) -> None:
        if self._progress is not None and self._progress.report is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._progress.report)))
