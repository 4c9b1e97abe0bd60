"""Whether the images of a run are still open: what a run gives is of one patient, and of no other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_osuda.napari_layers.other_patients import images_of_others
from napari_osuda.widgets.qt.window import real_viewer

__all__ = ["OpenImages"]


class OpenImages(QObject):
    """The image layers that a run's case was read from.

    Parameters
    ----------
    parent : QObject
    """

    #: One of them was removed, or was given other data.
    gone = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._layers: Any = None
        self._images: list[Any] = []

    def watch(self, viewer: Any, images: Iterable[Any]) -> None:
        """Watch these layers of a viewer, and those of before no more."""
        self.close()
        self._layers, self._images = real_viewer(viewer).layers, list(images)
        self._layers.events.removed.connect(self._on_removed)
        for image in self._images:
            image.events.data.connect(self._on_data)

    def close(self) -> None:
        """Watch nothing more."""
        if self._layers is not None:
            self._layers.events.removed.disconnect(self._on_removed)
            for image in self._images:
                image.events.data.disconnect(self._on_data)
        self._layers, self._images = None, []

    def __contains__(self, layer: object) -> bool:
        """Whether a layer is one of them."""
        return any(layer is image for image in self._images)

    def uncover(self, viewer: Any, paths: Sequence[Path]) -> str:
        """Show the case where another patient's image is over it; that image's name, "" where there is none.

        Parameters
        ----------
        viewer : napari.Viewer
        paths : sequence of Path
            The files of the case.
        """
        others = images_of_others(real_viewer(viewer), self._images, paths)
        for layer in others:
            layer.visible = False
        if others and self._images and not any(image.visible for image in self._images):
            self._images[0].visible = True
        return others[0].name if others else ""

    def _on_removed(self, event: Any) -> None:
        if event.value in self:
            self.gone.emit()

    def _on_data(self, event: Any) -> None:
        self.gone.emit()
