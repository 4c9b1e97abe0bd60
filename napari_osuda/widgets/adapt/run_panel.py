"""The state of the run in words and color, its progress, and the buttons that steer it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_osuda.widgets.adapt.words import NOT_READY, STATES, progress_words
from napari_osuda.widgets.qt.column import ButtonRows
from napari_osuda.widgets.qt.theme import Palette
from napari_osuda.widgets.qt.words import WrappedLabel, enable

if TYPE_CHECKING:
    from napari_osuda.session import Progress

__all__ = ["RunPanel"]

_BUSY = ("loading", "running", "paused", "stopping")

_ADAPT = "Adjusts a copy of the model to this scan. The model's file stays as it is."
_QUEUE = "Starts this run when the present one has ended"
_PAUSE = "Pauses after this iteration"
_STOP = "Stops after this iteration. What has been reached is kept."
_NO_RUN = "No run is under way."
_RUN = "A run is under way."


class RunPanel(QWidget):
    """Adapt, Pause or Resume, Stop; one obvious state at a time.

    Parameters
    ----------
    colors : Palette
        Of napari's theme.
    """

    adapt = Signal()
    queue = Signal()
    pause = Signal()
    resume = Signal()
    stop = Signal()

    def __init__(self, colors: Palette) -> None:
        super().__init__()
        self._colors = colors
        self.state = "idle"
        self._detail = ""
        self._why_not = "choose a source model"
        self.adapt_button = QPushButton("&Adapt")
        self.queue_button = QPushButton("&Queue")
        self.pause_button = QPushButton("&Pause")
        self.stop_button = QPushButton("&Stop")
        self.label = WrappedLabel()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of the run")
        self.adapt_button.clicked.connect(self.adapt)
        self.queue_button.clicked.connect(self.queue)
        self.pause_button.clicked.connect(self._on_pause)
        self.stop_button.clicked.connect(self.stop)
        buttons = (self.adapt_button, self.queue_button, self.pause_button, self.stop_button)
        for button in buttons:
            button.setAccessibleName(button.text().replace("&", ""))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(ButtonRows(*buttons))
        layout.addWidget(self.bar)
        layout.addWidget(self.label)
        self.set_state("idle")

    def set_ready(self, why_not: str = "") -> None:
        """Whether a run can begin; if not, what is still missing."""
        self._why_not = why_not
        self._enable()
        if self.state == "idle":
            self._detail = why_not
            self._write()

    def set_state(self, state: str, detail: str = "") -> None:
        """Enter a state (a key of `STATES`), with a sentence on it."""
        self.state = state
        busy = state in _BUSY
        self._enable()
        self.pause_button.setText("&Resume" if state == "paused" else "&Pause")
        self.pause_button.setAccessibleName("Resume" if state == "paused" else "Pause")
        self.bar.setVisible(busy)
        if state == "loading":
            # Busy without a known end.
            self.bar.setRange(0, 0)
        self._detail = detail if detail or not busy else self._detail
        self._write()

    def set_progress(self, progress: Progress) -> None:
        """Stage, how far it is, and time left of the whole run."""
        # A bar that is set paints itself at once, and the whole window with it: let it wait its turn.
        self.bar.setUpdatesEnabled(False)
        self.bar.setRange(0, max(progress.total, 1))
        self.bar.setValue(progress.done)
        self.bar.setUpdatesEnabled(True)
        self._detail = progress_words(progress)
        self._write()

    def set_colors(self, colors: Palette) -> None:
        """Follow napari's theme."""
        self._colors = colors
        self._write()

    def _on_pause(self) -> None:
        (self.resume if self.state == "paused" else self.pause).emit()

    def _enable(self) -> None:
        why_not = f"{self._why_not[:1].upper()}{self._why_not[1:]}"
        busy, paused = self.state in _BUSY, self.state == "paused"
        enable(self.adapt_button, _ADAPT, _RUN if busy else why_not)
        enable(self.queue_button, _QUEUE, why_not)
        steerable = self.state in ("running", "paused")
        idle = STATES[self.state][0] + "." if busy else _NO_RUN
        enable(self.pause_button, "Goes on" if paused else _PAUSE, "" if steerable else idle)
        enable(self.stop_button, _STOP, "" if busy and self.state != "stopping" else idle)

    def _write(self) -> None:
        word, hue = STATES[self.state]
        if self.state == "idle" and self._why_not:
            word = NOT_READY
        color = getattr(self._colors, hue)
        detail = f": {escape(self._detail)}" if self._detail else ""
        self.label.setText(f"<span style='color: {color}'>●</span> <b>{word}</b>{detail}")
        self.label.setAccessibleName(f"State of the run: {word}{': ' + self._detail if self._detail else ''}")
