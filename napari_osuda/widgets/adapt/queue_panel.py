"""Runs that wait for the one under way: other models or other cases, one after the other."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from napari_osuda.widgets.qt.words import WrappedLabel

if TYPE_CHECKING:
    from napari_osuda.session import Job

__all__ = ["QueuePanel", "Waiting"]


@dataclass(frozen=True)
class Waiting:
    """A job, and the layer that its masks will lie on."""

    job: Job
    image: Any

    @property
    def title(self) -> str:
        """What it is, for a list."""
        return f"{', '.join(c.name for c in self.job.cases)} with {self.job.model.card.name}"


class QueuePanel(QWidget):
    """The waiting runs, each with a button that takes it out; hidden while there is none."""

    #: The user wants the first to begin now.
    go_on = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.waiting: deque[Waiting] = deque()
        #: Whether the next one begins by itself.
        self.running_on = True
        self.heading = WrappedLabel()
        self.start_button = QPushButton("Start &next run")
        self.start_button.clicked.connect(self.go_on)
        self._rows = QVBoxLayout()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.heading)
        layout.addLayout(self._rows)
        layout.addWidget(self.start_button)
        self.setAccessibleName("Waiting runs")
        self._show()

    def add(self, waiting: Waiting) -> None:
        """Put one at the end."""
        self.waiting.append(waiting)
        self._show()

    def take(self) -> Waiting | None:
        """The next one, out of the queue."""
        first = self.waiting.popleft() if self.waiting else None
        self._show()
        return first

    def hold(self, held: bool) -> None:
        """Whether the next one waits for the user."""
        self.running_on = not held
        self._show()

    def _remove(self, waiting: Waiting) -> None:
        self.waiting.remove(waiting)
        self._show()

    def _show(self) -> None:
        while (row := self._rows.takeAt(0)) is not None:
            widget = row.widget()
            widget.hide()
            widget.deleteLater()
        for waiting in self.waiting:
            self._rows.addWidget(self._row(waiting))
        count = len(self.waiting)
        self.setVisible(count > 0)
        self.start_button.setVisible(not self.running_on)
        if count:
            self.heading.setText(f"<b>Waiting</b>: {count} {'run' if count == 1 else 'runs'}")

    def _row(self, waiting: Waiting) -> QWidget:
        row = QWidget()
        label = WrappedLabel(escape(waiting.title))
        button = QToolButton()
        button.setText("✕")
        button.setToolTip(f"Remove from the queue: {waiting.title}")
        button.setAccessibleName(f"Remove from the queue: {waiting.title}")
        button.clicked.connect(lambda: self._remove(waiting))
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(label, 1)
        layout.addWidget(button)
        return row
