"""The state of the run in words and color, its progress, and the buttons that steer it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_osuda.widgets.qt.theme import STATE_WORDS, Palette
from napari_osuda.widgets.qt.words import WrappedLabel, time_left

if TYPE_CHECKING:
    from napari_osuda.session import Progress

__all__ = ["RunPanel"]

_STAGES = {
    "before": "segmenting with the source model",
    "adapt": "adapting",
    "statistics": "gathering the target's statistics",
    "after": "segmenting with the adapted model",
    "guard": "comparing the masks",
    "writing": "writing the run folder",
}
_COUNTED = {"before": "slice", "adapt": "iteration", "after": "slice"}
_BUSY = ("loading", "running", "paused", "stopping")


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
        self._ready = False
        self.adapt_button = QPushButton("&Adapt")
        self.queue_button = QPushButton("&Queue")
        self.pause_button = QPushButton("&Pause")
        self.stop_button = QPushButton("&Stop")
        self.adapt_button.setToolTip("Adapt a copy of the model to the chosen images")
        self.queue_button.setToolTip("Let this model and these images wait for the run under way to end")
        self.pause_button.setToolTip("Hold the run after the step under way")
        self.stop_button.setToolTip("End the run after the step under way and keep what it has")
        self.label = WrappedLabel()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of the run")
        self.adapt_button.clicked.connect(self.adapt)
        self.queue_button.clicked.connect(self.queue)
        self.pause_button.clicked.connect(self._on_pause)
        self.stop_button.clicked.connect(self.stop)
        row = QHBoxLayout()
        for button in (self.adapt_button, self.queue_button, self.pause_button, self.stop_button):
            button.setMinimumWidth(1)
            button.setAccessibleName(button.text().replace("&", ""))
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.bar)
        layout.addWidget(self.label)
        self.set_state("idle")

    def set_ready(self, ready: bool, why_not: str = "") -> None:
        """Whether a run can begin; if not, what is still missing."""
        self._ready = ready
        self.queue_button.setEnabled(ready)
        if self.state not in _BUSY:
            self.adapt_button.setEnabled(ready)
            if self.state == "idle":
                self._detail = why_not
                self._write()

    def set_state(self, state: str, detail: str = "") -> None:
        """Enter a state (a key of `STATE_WORDS`), with a sentence on it."""
        self.state = state
        busy = state in _BUSY
        self.adapt_button.setEnabled(self._ready and not busy)
        self.queue_button.setEnabled(self._ready)
        self.pause_button.setEnabled(state in ("running", "paused"))
        self.pause_button.setText("&Resume" if state == "paused" else "&Pause")
        self.pause_button.setAccessibleName("Resume" if state == "paused" else "Pause")
        self.stop_button.setEnabled(busy and state != "stopping")
        self.bar.setVisible(busy)
        if state == "loading":
            # Busy without a known end.
            self.bar.setRange(0, 0)
        self._detail = detail if detail or not busy else self._detail
        self._write()

    def set_progress(self, progress: Progress) -> None:
        """Stage, place in it, and time left of the whole run."""
        # A bar that is set paints itself at once, and the whole window with it: let it wait its turn.
        self.bar.setUpdatesEnabled(False)
        self.bar.setRange(0, max(progress.total, 1))
        self.bar.setValue(progress.done)
        self.bar.setUpdatesEnabled(True)
        stage = _STAGES.get(progress.stage, progress.stage)
        unit = _COUNTED.get(progress.stage)
        count = f", {unit} {progress.done} of {progress.total}" if unit else ""
        left = time_left(progress.seconds_left)
        self._detail = f"{stage}{count}{', ' + left if left else ''}"
        self._write()

    def set_colors(self, colors: Palette) -> None:
        """Follow napari's theme."""
        self._colors = colors
        self._write()

    def _on_pause(self) -> None:
        (self.resume if self.state == "paused" else self.pause).emit()

    def _write(self) -> None:
        word, hue = STATE_WORDS[self.state]
        if self.state == "idle" and not self._ready:
            word = "Not ready"
        color = getattr(self._colors, hue)
        told = f": {escape(self._detail)}" if self._detail else ""
        self.label.setText(f"<span style='color: {color}'>●</span> <b>{word}</b>{told}")
        self.label.setAccessibleName(f"State of the run: {word}{': ' + self._detail if self._detail else ''}")
