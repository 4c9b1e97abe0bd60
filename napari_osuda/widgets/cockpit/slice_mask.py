"""The mask of the current slice of a run, as one layer that follows the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy.typing as npt

from napari_osuda.napari_layers.masks import mask_layer
from napari_osuda.napari_layers.names import layer_name
from napari_osuda.widgets.cockpit.cockpit import Cockpit
from napari_osuda.widgets.cockpit.slice_layers import SliceGeometry, SliceLayer
from napari_osuda.widgets.qt.window import real_viewer

if TYPE_CHECKING:
    from napari.layers import Labels

__all__ = ["SliceMask"]


class SliceMask:
    """A `SliceLayer` in the colors of the run's model, and where its slices lie on the run's image.

    Parameters
    ----------
    viewer : napari.Viewer
    cockpit : Cockpit
        Of whose run the slices are.
    role : {"preview", "iteration"}
        What kind of mask it is.

    Attributes
    ----------
    geometry : SliceGeometry or None
        None while there is no run whose slices could be shown.
    """

    def __init__(self, viewer: Any, cockpit: Cockpit, role: Literal["preview", "iteration"]) -> None:
        self._viewer = real_viewer(viewer)
        self._cockpit = cockpit
        self._role = role
        self._slice_layer = SliceLayer(viewer, self._make)
        self.geometry: SliceGeometry | None = None

    @property
    def seen(self) -> bool:
        """Whether there is a layer that shows something."""
        return self._slice_layer.shown and bool(self._slice_layer.layer.visible)

    def begin(self) -> None:
        """Another run, or none: hide what is of the one before."""
        self._slice_layer.begin()
        self.geometry = None

    def locate(self) -> bool:
        """Find where the run's slices lie on its image; whether there are any that could be shown."""
        from napari_osuda.session import can_preview

        run, image = self._cockpit.run, self._cockpit.image
        if (
            self.geometry is None
            and run is not None
            and image is not None
            and can_preview(run.job.model.card)
        ):
            self.geometry = SliceGeometry(run.stacks[0], image)
        return self.geometry is not None

    def current(self) -> int | None:
        """The run's slice that the viewer shows; None where it shows none of them."""
        return None if self.geometry is None else self.geometry.current(self._viewer)

    def show(self, labels: npt.NDArray[Any], index: int, title: str) -> str:
        """Show labels [H, W] of a slice under a title; gives the name of the layer."""
        assert self.geometry is not None
        name = layer_name(title, self._cockpit.case)
        self._slice_layer.show(self.geometry, labels, index, name)
        return name

    def hide(self) -> None:
        """Show it no more, until there is something to show."""
        self._slice_layer.hide()

    def remove(self) -> None:
        """Take the layer away."""
        self.geometry = None
        self._slice_layer.remove()

    def _make(self, data: npt.NDArray[Any]) -> Labels:
        run = self._cockpit.run
        assert run is not None
        return mask_layer(self._role, run.job.model.card, data, {})
