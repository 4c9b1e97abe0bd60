"""What a picked channel responds to: its activation on the slice in sight, before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_osuda.widgets.cockpit.cockpit import Cockpit
from napari_osuda.widgets.cockpit.slice_layers import SliceLayer, SlicePlace, Viewpoint
from napari_osuda.widgets.qt.background import Background
from napari_osuda.widgets.qt.window import real_viewer
from napari_osuda.widgets.qt.words import error_sentence

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_osuda.method import NormLayer

__all__ = ["Activations"]

# Where both respond alike the two add up to white; either alone keeps its color, whatever eyes see it. The
# lower one covers the image, whose own gray would be added otherwise.
_COLORS = {"before": ("magenta", "translucent"), "after": ("green", "additive")}
# Of the values that are drawn, the share that may be darker or brighter than the colors reach.
_TAILS = (0.01, 0.995)


class Activations(QObject):
    """Two layers, the channel in the source model and in the adapted one, on one scale of brightness.

    Parameters
    ----------
    viewer : napari.Viewer
    cockpit : Cockpit
        Whose run is looked into.
    parent : QObject
    """

    #: A sentence: what is shown, or why nothing is.
    told = Signal(str)

    def __init__(self, viewer: Any, cockpit: Cockpit, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = real_viewer(viewer)
        self._cockpit = cockpit
        self._place: SlicePlace | None = None
        self._channel: tuple[NormLayer, int] | None = None
        self._iteration: int | None = None
        self._layers = {which: SliceLayer(viewer, self._maker(which)) for which in _COLORS}
        self._working = Background(self)
        self._working.done.connect(self._on_done)
        self._working.failed.connect(lambda error: self.told.emit(error_sentence(error)))
        self.viewpoint = Viewpoint(viewer, self)
        self.viewpoint.moved.connect(self._compute)

    def begin(self) -> None:
        """Another run, or none."""
        if self._place is not None and self._place.image is not self._cockpit.image:
            for layer in self._layers.values():
                layer.remove()
        self._place = self._iteration = None
        self.show_channel(None)

    def show_channel(self, n: int | None) -> None:
        """Show a channel of all N, or none."""
        history = self._cockpit.history
        if n is None or history is None:
            self._channel = None
            for layer in self._layers.values():
                layer.hide()
            self.told.emit("")
            return
        found = next(la for la in reversed(history.layers) if la.offset <= n)
        self._channel = (found, n - found.offset)
        self._compute()

    def go_to(self, iteration: int | None) -> None:
        """Let "after" be the state after so many iterations, or the newest (None)."""
        self._iteration = iteration
        self._compute()

    def close_down(self) -> None:
        """Take the layers away, and follow nothing."""
        self.viewpoint.close()
        self._working.close()
        for layer in self._layers.values():
            layer.remove()

    def _compute(self) -> None:
        from napari_osuda.session import can_preview

        run, timeline, image = self._cockpit.run, self._cockpit.timeline, self._cockpit.image
        previewer = self._cockpit.previewer
        if self._channel is None or run is None or image is None or previewer is None or timeline is None:
            return
        if not can_preview(run.job.model.card):
            self.told.emit("The channels of a network of volumes are not drawn on the image.")
            return
        if self._place is None:
            self._place = SlicePlace(run.stacks[0], image)
        index = self._place.current(self._viewer)
        if index is None:
            self.told.emit("The network's slices are not in sight: turn to its plane to see the channel.")
            return
        kept = timeline.kept
        iteration = self._iteration or (kept[-1] if kept else None)
        layer, channel = self._channel

        def compute() -> tuple[int, int | None, Any, Any]:
            after = None if iteration is None else timeline.state(iteration)
            planes = [previewer.activation(state, 0, index, layer, channel) for state in (None, after)]
            return index, iteration, planes[0], planes[1]

        self._working.run(compute)

    def _on_done(self, answer: tuple[int, int | None, Any, Any]) -> None:
        if self._channel is None or self._place is None:
            return
        index, iteration, before, after = answer
        layer, channel = self._channel
        low, high = (float(end) for end in np.quantile(np.stack([before, after]), _TAILS))
        high = max(high, low + 1e-6)
        for which, plane in (("before", before), ("after", after)):
            shown = self._layers[which].show(self._place, plane.astype(np.float32), index)
            shown.contrast_limits_range = (float(min(low, plane.min())), float(max(high, plane.max())))
            shown.contrast_limits = (low, high)
            shown.name = self._title(which)
        then = "" if iteration is None else f" (iteration {iteration})"
        self.told.emit(
            f"On the image: what channel {channel} of {layer.name} gives out for this slice, before in "
            f"magenta, after{then} in green, white where they agree."
        )

    def _title(self, which: str) -> str:
        assert self._channel is not None
        layer, channel = self._channel
        return f"{layer.name} [{channel}] {which}"

    def _maker(self, which: str) -> Any:
        color, blending = _COLORS[which]

        def make(data: Any, **place: Any) -> Image:
            from napari.layers import Image

            return Image(
                data,
                name=self._title(which),
                colormap=color,
                blending=blending,
                **place,
            )

        return make
