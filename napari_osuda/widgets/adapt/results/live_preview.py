"""The mask of the current slice, while a run goes on."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from napari_osuda.napari_layers.masks import mask_layer
from napari_osuda.napari_layers.names import layer_name
from napari_osuda.widgets.cockpit.cockpit import Cockpit
from napari_osuda.widgets.cockpit.slice_layers import SliceLayer, SlicePlace, Viewpoint, other_plane
from napari_osuda.widgets.qt.window import real_viewer
from napari_osuda.widgets.qt.words import WrappedLabel

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_osuda.session import Preview

__all__ = ["LivePreviewControls"]


class LivePreviewControls(QWidget):
    """A box to tick, and the layer "live preview", which follows the run every few seconds.

    Parameters
    ----------
    viewer : napari.Viewer
    cockpit : Cockpit
        Whose run is followed.
    """

    #: The first preview of a run is there, which is better seen without the mask of the source model.
    shown = Signal()

    def __init__(self, viewer: Any, cockpit: Cockpit) -> None:
        super().__init__()
        self._viewer = real_viewer(viewer)
        self._cockpit = cockpit
        self._place: SlicePlace | None = None
        self._layer = SliceLayer(viewer, self._make)
        self.box = QCheckBox("Preview the current slice")
        self.box.setChecked(True)
        self.box.setToolTip(
            "Shows the mask of the current slice every few seconds during the run. "
            "It takes less than 5 % of the run's time."
        )
        self.note = WrappedLabel()
        self.note.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.box)
        layout.addWidget(self.note)
        self.viewpoint = Viewpoint(viewer, self)
        self.viewpoint.moved.connect(self._look)
        self.box.toggled.connect(self._on_toggled)

    @property
    def seen(self) -> bool:
        """Whether there is a layer that shows something."""
        return self._layer.shown and self._layer.layer.visible

    def begin(self) -> None:
        """A run has begun: follow it."""
        from napari_osuda.session import can_preview

        run, image = self._cockpit.run, self._cockpit.image
        self._layer.begin()
        self._place = None
        if run is None or image is None:
            return
        if can_preview(run.job.model.card):
            self._place = SlicePlace(run.stacks[0], image)
        self.box.setEnabled(self._place is not None)
        self._look()

    def end(self) -> None:
        """The run has ended: its masks take the place of the preview."""
        self._layer.hide()
        self._tell("")
        self.box.setEnabled(True)

    def show_preview(self, preview: Preview) -> None:
        """Show what the run has told of its slice."""
        if self._place is None or not self.box.isChecked() or preview.case != 0:
            return
        first = not self.seen
        name = layer_name("preview", self._cockpit.case)
        self._layer.show(self._place, preview.labels, preview.index, name)
        self._tell(f"The layer '{name}' shows this slice after iteration {preview.iteration}.")
        if first:
            self.shown.emit()

    def leave(self) -> None:
        """The case is no longer open: take the layer away."""
        self._place = None
        self._layer.remove()

    def close_down(self) -> None:
        """Take the layer away and follow nothing."""
        self.viewpoint.close()
        self._layer.remove()

    def _look(self) -> None:
        if self._place is None or not self._cockpit.busy:
            return
        index = self._place.current(self._viewer) if self.box.isChecked() else None
        self._cockpit.controller.look_at(0, index)
        if index is None and self.box.isChecked():
            self._tell(other_plane(self._cockpit.run, "a preview"))

    def _on_toggled(self, on: bool) -> None:
        if not on:
            self._layer.hide()
            self._tell("")
        self._look()

    def _tell(self, text: str) -> None:
        self.note.setText(escape(text))
        self.note.setVisible(bool(text))

    def _make(self, data: Any) -> Labels:
        run = self._cockpit.run
        assert run is not None
        return mask_layer("preview", run.job.model.card, data, {})
