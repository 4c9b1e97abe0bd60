"""What a picked channel responds to: its activation on the current slice, before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_osuda.errors import explain
from napari_osuda.napari_layers.names import layer_name
from napari_osuda.widgets.cockpit.cockpit import Cockpit
from napari_osuda.widgets.cockpit.slice_layers import SliceGeometry, SliceLayer, Viewpoint, other_plane
from napari_osuda.widgets.qt.background import Background
from napari_osuda.widgets.qt.window import real_viewer

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
    message = Signal(str)

    def __init__(self, viewer: Any, cockpit: Cockpit, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = real_viewer(viewer)
        self._cockpit = cockpit
        self._geometry: SliceGeometry | None = None
        self._channel: tuple[NormLayer, int] | None = None
        self._iteration: int | None = None
        self._layers = {which: SliceLayer(viewer, self._maker(which)) for which in _COLORS}
        self._working = Background(self)
        self._working.done.connect(self._on_done)
        self._working.failed.connect(lambda error: self.message.emit(explain(error)))
        self.viewpoint = Viewpoint(viewer, self)
        self.viewpoint.moved.connect(self._compute)

    def begin(self) -> None:
        """Another run, or none."""
        for layer in self._layers.values():
            layer.begin()
        self._geometry = self._iteration = None
        self.show_channel(None)

    def leave(self) -> None:
        """The case is no longer open: take the layers away."""
        for layer in self._layers.values():
            layer.remove()
        self.begin()

    def show_channel(self, n: int | None) -> None:
        """Show a channel of all N, or none."""
        history = self._cockpit.history
        if n is None or history is None:
            self._channel = None
            for layer in self._layers.values():
                layer.hide()
            self.message.emit("")
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
            self.message.emit("This model segments whole volumes: its channels are not shown on the image.")
            return
        if self._geometry is None:
            self._geometry = SliceGeometry(run.stacks[0], image)
        index = self._geometry.current(self._viewer)
        if index is None:
            self.message.emit(other_plane(run, "the channel"))
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
        if self._channel is None or self._geometry is None:
            return
        index, iteration, before, after = answer
        layer, channel = self._channel
        low, high = (float(end) for end in np.quantile(np.stack([before, after]), _TAILS))
        high = max(high, low + 1e-6)
        for which, plane in (("before", before), ("after", after)):
            name = layer_name(self._title(which), self._cockpit.case)
            shown = self._layers[which].show(self._geometry, plane.astype(np.float32), index, name)
            shown.contrast_limits_range = (float(min(low, plane.min())), float(max(high, plane.max())))
            shown.contrast_limits = (low, high)
        then = "" if iteration is None else f" (iteration {iteration})"
        self.message.emit(
            f"The response of channel {channel} of {layer.name} to this slice: in the source model magenta, "
            f"in the adapted model{then} green, white where both agree."
        )

    def _title(self, which: str) -> str:
        assert self._channel is not None
        layer, channel = self._channel
        model = "source" if which == "before" else "adapted"
        return f"{layer.name}, channel {channel}, {model} model"

    def _maker(self, which: str) -> Any:
        color, blending = _COLORS[which]

        def make(data: Any) -> Image:
            from napari.layers import Image

            return Image(data, name=which, colormap=color, blending=blending)

        return make
