"""The layers of a run as they come: masks before, in between and after, and what has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QWidget

from napari_osuda.widgets.qt.background import Background
from napari_osuda.widgets.qt.painting import paint_apart
from napari_osuda.widgets.qt.window import real_viewer

if TYPE_CHECKING:
    from napari_osuda.session import After, Before, Preview
    from napari_osuda.widgets.adapt.results.live_preview import LivePreviewControls
    from napari_osuda.widgets.cockpit.cockpit import Cockpit

__all__ = ["RunLayers"]


class RunLayers:
    """Puts up the layers of the run under way, one at a time, so that the window keeps answering.

    Parameters
    ----------
    viewer : napari.Viewer
    widget : QWidget
        Docked in the viewer's window.
    cockpit : Cockpit
        Whose run it is.
    preview : LivePreviewControls
        Has the layer of the current slice.

    Attributes
    ----------
    results : ResultLayers
        The masks that a run leaves.
    """

    def __init__(self, viewer: Any, widget: QWidget, cockpit: Cockpit, preview: LivePreviewControls) -> None:
        from napari_osuda.widgets.adapt.results.result_layers import ResultLayers

        self.results = ResultLayers(viewer)
        self._viewer = real_viewer(viewer)
        self._widget, self._cockpit, self._preview = widget, cockpit, preview
        self._compared = True
        self._comparing = Background(widget)
        self._comparing.done.connect(self._on_compared)
        self._preferred = ""
        self._soon = QTimer(widget)
        self._soon.setSingleShot(True)
        self._soon.setInterval(1)
        self._soon.timeout.connect(lambda: self.prefer(self._preferred))
        preview.shown.connect(lambda: self._prefer_soon(""))

    @property
    def settled(self) -> bool:
        """Whether no run is under way, and all layers of the last one are shown."""
        return self._compared and not self._cockpit.busy

    def begin(self, image: Any, card: Any, case: str) -> None:
        """A run has begun on the layer ``image`` of a case."""
        self.results.begin(image, card, case)
        self._uncover()
        self._preview.show()
        self._preview.begin()

    def _uncover(self) -> None:
        """Show an image that the masks are of: one that the model does not see would hide why they are so."""
        layers = self._viewer.layers
        covering = [layer for layer in layers if isinstance(layer, Image) and layer.blending != "additive"]
        used = [layer for layer in covering if layer in self._cockpit.images]
        seen = next((layer for layer in reversed(covering) if layer.visible), None)
        if not used or seen in used:
            return
        from napari_osuda.session.report.content import shown_first

        shown = used[shown_first([layer.name for layer in used])]
        for layer in covering[covering.index(shown) + 1 :]:
            layer.visible = False
        shown.visible = True

    def end(self) -> None:
        """The run has ended: compare its masks, and take away what it has not made anew."""
        if not self._compared:
            self._comparing.run(self.results.difference)
        self._preview.end()
        self._preview.hide()
        self._clear()

    def leave(self) -> None:
        """The images of the last run are gone: so is what it has shown."""
        self._comparing.close()
        self._compared = True
        self.results.leave()
        self._preview.leave()

    def close(self) -> None:
        """Put up nothing more, and take the preview away."""
        self._soon.stop()
        self._comparing.close()
        self._preview.close_down()

    def show_before(self, event: Before) -> None:
        """Show the source model's mask."""
        paint_apart(self._widget)
        self.results.show_before(event.labels)

    def show_preview(self, preview: Preview) -> None:
        """Show the mask of the current slice."""
        if not self._preview.seen:
            paint_apart(self._widget)
        self._preview.show_preview(preview)

    def show_after(self, event: After) -> None:
        """Show the adapted model's mask; what has changed is shown once the run has ended."""
        paint_apart(self._widget)
        advice = event.recommendation
        self.results.show_after(event.labels, 0 if advice is None else advice.removed)
        self._prefer_soon("after")
        # Two layers at a time hold the window up for longer than one should wait.
        self._compared = False

    def prefer(self, name: str) -> None:
        """Show one of the masks and hide the others, also where another has come an instant before."""
        self._soon.stop()
        self.results.prefer(name)

    def _prefer_soon(self, name: str) -> None:
        # In a turn of its own, before anything is painted: a new layer has held the window up long enough.
        self._preferred = name
        self._soon.start()

    def _on_compared(self, changed: Any) -> None:
        self._compared = True
        if changed is not None:
            paint_apart(self._widget)
            self.results.show_difference(changed)
        self._clear()

    def _clear(self) -> None:
        if self.settled:
            self.results.end()
