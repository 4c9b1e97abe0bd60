"""The offer to resume a run that a crash, a kill or a closed window has interrupted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_osuda.widgets.qt.background import Background
from napari_osuda.widgets.qt.column import ButtonRows
from napari_osuda.widgets.qt.words import WrappedLabel, enable

if TYPE_CHECKING:
    from napari_osuda.session import Unfinished

__all__ = ["ResumePanel"]

_RESUME = "Goes on from the last saved iteration; the result is the same as without the interruption"
_NO_FILES = "It cannot be resumed: its images were not read from files."


class ResumePanel(QWidget):
    """Shown while there is such a run, the newest first."""

    #: An `Unfinished` to go on with.
    resume = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[Unfinished] = []
        self.text = WrappedLabel()
        self.resume_button = QPushButton("&Resume")
        self.later_button = QPushButton("&Later")
        self.discard_button = QPushButton("D&iscard")
        self.later_button.setToolTip("Asks again when this panel is opened the next time")
        self.discard_button.setToolTip("Deletes what is needed to resume. Masks in the run folder stay.")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 6)
        layout.addWidget(self.text)
        layout.addWidget(ButtonRows(self.resume_button, self.later_button, self.discard_button))
        self.setAccessibleName("Interrupted run")
        self._looking = Background(self)
        self._looking.done.connect(self._on_found)
        # Nobody asked for it, so a place that cannot be looked through needs no words.
        self._looking.failed.connect(lambda _: self._on_found([]))
        self.resume_button.clicked.connect(self._on_resume)
        self.later_button.clicked.connect(self._next)
        self.discard_button.clicked.connect(self._on_discard)
        self._show()

    def look(self, folders: Sequence[Path]) -> None:
        """Look for interrupted runs among the folders in each of ``folders``, off the GUI thread."""

        def find() -> list[Any]:
            from napari_osuda.session import find_unfinished

            found = [run for folder in folders for run in find_unfinished(folder) if run.interrupted]
            return sorted(found, key=lambda run: -run.saved)

        self._looking.run(find)

    def close_down(self) -> None:
        """Wait for the search."""
        self._looking.close()

    def _on_found(self, runs: list[Unfinished]) -> None:
        self.runs = runs
        self._show()

    def _next(self) -> None:
        del self.runs[:1]
        self._show()

    def _on_resume(self) -> None:
        run = self.runs[0]
        self._next()
        self.resume.emit(run)

    def _on_discard(self) -> None:
        self.runs[0].forget()
        self._next()

    def _show(self) -> None:
        self.setVisible(bool(self.runs))
        if not self.runs:
            return
        run = self.runs[0]
        done, total = run.iterations
        when = datetime.fromtimestamp(run.saved).strftime("%d %b, %H:%M")
        names = escape(", ".join(run.cases))
        text = f"<b>Interrupted run</b>: {names}, {when}, {done} of {total} iterations done."
        if not run.resumable:
            text += f" {_NO_FILES}"
        if len(self.runs) > 1:
            text += f" {len(self.runs) - 1} more after this."
        self.text.setText(text)
        self.text.setToolTip(str(run.folder))
        enable(self.resume_button, _RESUME, "" if run.resumable else _NO_FILES)
