"""The mask of the current slice, while a run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from napari_osuda.widgets.cockpit.cockpit import Cockpit
from napari_osuda.widgets.cockpit.slice_layers import Viewpoint, other_plane
from napari_osuda.widgets.cockpit.slice_mask import SliceMask
from napari_osuda.widgets.qt.words import NoteLabel

if TYPE_CHECKING:
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
        self._cockpit = cockpit
        self.mask = SliceMask(viewer, cockpit, "preview")
        self.box = QCheckBox("Preview the current slice")
        self.box.setChecked(True)
        self.box.setToolTip(
            "Shows the mask of the current slice every few seconds during the run. "
            "It takes less than 5 % of the run's time."
        )
        self.note = NoteLabel()
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
        return self.mask.seen

    def begin(self) -> None:
        """A run has begun: follow it."""
        self.mask.begin()
        if self._cockpit.run is None or self._cockpit.image is None:
            return
        self.box.setEnabled(self.mask.locate())
        self._look()

    def end(self) -> None:
        """The run has ended: its masks take the place of the preview."""
        self.mask.hide()
        self.note.tell("")
        self.box.setEnabled(True)

    def show_preview(self, preview: Preview) -> None:
        """Show what the run has told of its slice."""
        if self.mask.geometry is None or not self.box.isChecked() or preview.case != 0:
            return
        first = not self.seen
        name = self.mask.show(preview.labels, preview.index, "preview")
        self.note.tell(f"The layer '{name}' shows this slice after iteration {preview.iteration}.")
        if first:
            self.shown.emit()

    def leave(self) -> None:
        """The case is no longer open: take the layer away."""
        self.mask.remove()

    def close_down(self) -> None:
        """Take the layer away and follow nothing."""
        self.viewpoint.close()
        self.mask.remove()

    def _look(self) -> None:
        if self.mask.geometry is None or not self._cockpit.busy:
            return
        index = self.mask.current() if self.box.isChecked() else None
        self._cockpit.controller.look_at(0, index)
        if index is None and self.box.isChecked():
            self.note.tell(other_plane(self._cockpit.run, "a preview"))

    def _on_toggled(self, on: bool) -> None:
        if not on:
            self.mask.hide()
            self.note.tell("")
        self._look()
