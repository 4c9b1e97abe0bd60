"""What a run tells, shown in the panels: its state, its masks, how it has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_osuda.widgets.adapt.results.outcome_panel import OutcomePanel
from napari_osuda.widgets.adapt.results.run_layers import RunLayers
from napari_osuda.widgets.adapt.run_panel import RunPanel
from napari_osuda.widgets.adapt.words import READING, SEGMENTING, result_words
from napari_osuda.widgets.cockpit.cockpit import Cockpit

if TYPE_CHECKING:
    from napari_osuda.session import After, Before, Finished, Preview, Progress, RunState

__all__ = ["RunView"]


class RunView(QObject):
    """Follows the runs of a cockpit.

    Parameters
    ----------
    parent : QObject
    cockpit : Cockpit
        Whose runs are shown, from the first on: only then its controller is made, and torch is loaded.
    panel : RunPanel
        Gets the state.
    outcome : OutcomePanel
        Gets the result.
    layers : RunLayers
        Get the masks.
    tell : callable
        Shows a sentence.
    """

    #: A run has begun (True) or is through, and another may begin (False).
    under_way = Signal(bool)

    def __init__(
        self,
        parent: QObject,
        cockpit: Cockpit,
        panel: RunPanel,
        outcome: OutcomePanel,
        layers: RunLayers,
        tell: Callable[[str], None],
    ) -> None:
        super().__init__(parent)
        self._cockpit, self._panel, self._outcome, self._layers = cockpit, panel, outcome, layers
        self._tell = tell
        # How the run under way has ended, until its thread is through and another may begin.
        self._ending = ("failed", "")
        panel.pause.connect(lambda: cockpit.controller.pause())
        panel.resume.connect(lambda: cockpit.controller.resume())
        cockpit.left.connect(self._on_left)
        self._links: tuple[tuple[Any, Callable[[Any], None]], ...] = ()
        self._waited = cockpit.feed is None
        if self._waited:
            cockpit.opened.connect(self._follow)
        else:
            self._follow()

    def _follow(self) -> None:
        feed = self._cockpit.feed
        assert feed is not None
        # Only methods of this object, which goes with the window: Qt calls none of what is gone. What belongs
        # to no QObject would still be called, with a mask for a layer of a viewer that is closed.
        self._links = (
            (feed.state_changed, self._on_state),
            (feed.progressed, self._on_progressed),
            (feed.noted, self._on_noted),
            (feed.started, self._on_started),
            (feed.before_ready, self._on_before),
            (feed.after_ready, self._on_after),
            (feed.previewed, self._on_previewed),
            (feed.finished, self.show_end),
            (feed.failed, self._on_failed),
        )
        for signal, slot in self._links:
            signal.connect(slot)

    def prepare(self) -> None:
        """A run is about to begin: its images are being read."""
        self._tell("")
        self._outcome.show_result(None)
        self._panel.set_state("loading", READING)

    def fail(self, sentence: str) -> None:
        """No run has begun, or something beside the one under way did not work."""
        if self._cockpit.busy:
            self._tell(sentence)
        else:
            self._panel.set_state("failed", sentence)

    def show_end(self, event: Finished) -> None:
        """Show the result of a run; what is recommended is chosen."""
        result = event.result
        self._outcome.show_result(result)
        if result.outcome != "failed":
            self._ending = (result.outcome, result_words(result))

    def close(self) -> None:
        """Follow no more."""
        if self._waited:
            self._cockpit.opened.disconnect(self._follow)
        self._cockpit.left.disconnect(self._on_left)
        for signal, slot in self._links:
            signal.disconnect(slot)

    def _on_state(self, state: RunState) -> None:
        ended = state.value in ("done", "failed")
        self._panel.set_state(*(self._ending if ended else (state.value,)))
        self._outcome.set_busy(not ended)
        if ended:
            self._layers.end()
        self.under_way.emit(not ended)

    def _on_started(self, _: object) -> None:
        job = self._cockpit.controller.job
        assert job is not None
        # The first slices take longest, and tell of themselves only once they are done.
        self._panel.set_state(self._panel.state, SEGMENTING)
        self._layers.begin(self._cockpit.image, job.model.card, self._cockpit.case)

    def _on_progressed(self, progress: Progress) -> None:
        self._panel.set_progress(progress)

    def _on_noted(self, sentence: str) -> None:
        self._tell(sentence)

    def _on_before(self, event: Before) -> None:
        self._layers.show_before(event)

    def _on_after(self, event: After) -> None:
        self._layers.show_after(event)

    def _on_previewed(self, preview: Preview) -> None:
        self._layers.show_preview(preview)

    def _on_failed(self, sentence: str) -> None:
        self._ending = ("failed", sentence)

    def _on_left(self) -> None:
        """The images of the last run were removed or replaced: its masks cannot be chosen any more."""
        self._outcome.show_result(None)
        self._layers.leave()
        self._panel.set_state("idle")
