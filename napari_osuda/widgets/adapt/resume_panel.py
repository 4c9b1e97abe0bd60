"""The offer to go on with a run that a crash, a kill or a closed window has cut off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_osuda.widgets.qt.background import Background
from napari_osuda.widgets.qt.words import WrappedLabel

if TYPE_CHECKING:
    from napari_osuda.session import Unfinished

__all__ = ["ResumePanel"]


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
        self.forget_button = QPushButton("&Forget")
        self.resume_button.setToolTip(
            "Go on from the last saved iteration, to the same result as without a break"
        )
        self.later_button.setToolTip("Ask again the next time that this panel is opened")
        self.forget_button.setToolTip("Delete what it would take to go on; the masks in the folder stay")
        row = QHBoxLayout()
        for button in (self.resume_button, self.later_button, self.forget_button):
            button.setMinimumWidth(1)
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 6)
        layout.addWidget(self.text)
        layout.addLayout(row)
        self.setAccessibleName("Unfinished run")
        self._looking = Background(self)
        self._looking.done.connect(self._on_found)
        # Nobody asked for it, so a place that cannot be looked through needs no words.
        self._looking.failed.connect(lambda _: self._on_found([]))
        self.resume_button.clicked.connect(self._on_resume)
        self.later_button.clicked.connect(self._next)
        self.forget_button.clicked.connect(self._on_forget)
        self._show()

    def look(self, places: Sequence[Path]) -> None:
        """Look for cut-off runs among the folders in each of ``places``, off the GUI thread."""

        def find() -> list[Any]:
            from napari_osuda.session import find_unfinished

            found = [run for place in places for run in find_unfinished(place) if run.interrupted]
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

    def _on_forget(self) -> None:
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
        text = f"<b>A run was cut off</b>: {names}, {when}, after {done} of {total} iterations."
        if not run.resumable:
            text += " It cannot be resumed: its images were not read from files."
        if len(self.runs) > 1:
            text += f" ({len(self.runs) - 1} more)"
        self.text.setText(text)
        self.text.setToolTip(str(run.folder))
        self.resume_button.setEnabled(run.resumable)
