"""Whether the images of a run are still open: what a run gives is of one patient, and of no other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qtpy.QtCore import QObject, Signal

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

    def _on_removed(self, event: Any) -> None:
        if event.value in self:
            self.gone.emit()

    def _on_data(self, event: Any) -> None:
        self.gone.emit()
