"""Where runs to review come from: one that ends in this viewer, a folder, or layers that a reader opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_osuda.errors import OsudaError
from napari_osuda.napari_layers.masks import RESULT_KEY, RUN_KEY
from napari_osuda.napari_layers.soon import soon
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.widgets.cockpit.cockpit import Cockpit
from napari_osuda.widgets.review.view.layers import ReviewLayers

__all__ = ["IncomingRuns"]


class IncomingRuns(QObject):
    """Watches a viewer for runs.

    Parameters
    ----------
    viewer : napari.Viewer
    cockpit : Cockpit
        Of that viewer.
    layers : ReviewLayers
        The review's own, which are no news.
    """

    #: A `ReviewRun` to review.
    came = Signal(object)
    #: The `ReviewRun` whose images were removed from the viewer, or replaced.
    gone = Signal(object)
    #: Why one cannot be reviewed.
    refused = Signal(str)

    def __init__(self, viewer: Any, cockpit: Cockpit, layers: ReviewLayers) -> None:
        super().__init__()
        self._viewer = viewer
        self._cockpit = cockpit
        self._layers = layers
        self._closed = False
        # The run that came last: where the same one comes with other masks, its decisions are kept.
        self._last: ReviewRun | None = None

    def ended_here(self, run: ReviewRun | None) -> bool:
        """Whether a run is the last that has ended in this viewer, and not one of a folder."""
        return run is not None and run is self._last

    def watch(self) -> None:
        """Tell of what is there, and from now on of what comes."""
        self._viewer.layers.events.inserted.connect(self._on_inserted)
        self._cockpit.ended.connect(self._on_ended)
        self._cockpit.left.connect(self._on_left)
        self._cockpit.review_wanted.connect(self.take_result)
        if not any(self._take_layer(layer) for layer in list(self._viewer.layers)):
            self.take_result()

    def take_folder(self, folder: Path | str) -> None:
        """Tell of the run in a folder."""
        try:
            run = ReviewRun.of_folder(folder)
        except OsudaError as error:
            self.refused.emit(str(error))
            return
        self.came.emit(run)

    def close(self) -> None:
        """Watch no more."""
        self._closed = True
        self._viewer.layers.events.inserted.disconnect(self._on_inserted)
        self._cockpit.ended.disconnect(self._on_ended)
        self._cockpit.left.disconnect(self._on_left)
        self._cockpit.review_wanted.disconnect(self.take_result)

    def _on_ended(self, result: object = None) -> None:
        # After every other widget has heard of it, and shows what it shows.
        soon(self, self.take_result)

    def take_result(self) -> None:
        """Tell of the run that has ended in this viewer, if there is one with an adapted mask."""
        result = self._cockpit.result
        if self._closed or result is None or all(case.after is None for case in result.cases):
            return
        if self._last is not None and self._last.result is result:
            # Two records of one folder would each find the other's writing in it.
            self.came.emit(self._last)
            return
        try:
            run = ReviewRun.of_result(result, self._last)
        except OsudaError as error:
            self.refused.emit(str(error))
            return
        self._last = run
        self.came.emit(run)

    def _on_left(self) -> None:
        if self._last is not None:
            self.gone.emit(self._last)

    def _on_inserted(self, event: Any) -> None:
        self._take_layer(event.value)

    def _take_layer(self, layer: Any) -> bool:
        """Tell of the run folder that a reader has made this layer of."""
        known = layer.metadata.get(RUN_KEY)
        ours = layer in self._layers.layers.values()
        if not known or layer.metadata.get(RESULT_KEY) != "final" or ours:
            return False
        self.take_folder(known["folder"])
        return True
