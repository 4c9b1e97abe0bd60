"""Single slices of a case as layers: where they lie on the image, and a layer that moves with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QObject, QTimer, Signal

from napari_osuda.imaging.world import onto_layer
from napari_osuda.napari_layers.masks import RESULT_KEY
from napari_osuda.widgets.qt.window import real_viewer

if TYPE_CHECKING:
    from napari_osuda.imaging import SliceStack

__all__ = ["SliceLayer", "SlicePlace", "Viewpoint"]

# A slice that is only scrolled past is not computed.
_SETTLED_MS = 120


class SlicePlace:
    """Where the slices of a stack lie on the layer that its case was read from.

    Parameters
    ----------
    stack : SliceStack
        Of a network of slices.
    image : napari Image layer
        Its array may have other axes than the network's, and run the other way.

    Attributes
    ----------
    axis : int
        Of the layer, along which the slices are numbered.
    """

    def __init__(self, stack: SliceStack, image: Any) -> None:
        self.image = image
        shape = stack.case.grid.shape
        axes: list[tuple[int, npt.NDArray[np.intp]]] = []
        for along in range(3):
            # A volume that numbers the voxels along one axis of the case, and takes no memory.
            steps = np.arange(shape[along]).reshape([-1 if a == along else 1 for a in range(3)])
            numbers = np.broadcast_to(steps, shape)
            layer_axis, there = _line(onto_layer(numbers, image.metadata))
            stack_axis, here = _line(stack.stacked(numbers))
            # Of each step along the layer's axis the place along the stack's.
            axes.append((layer_axis, np.argsort(here)[there]))
            if stack_axis == 0:
                self.axis, self._numbers = axes[-1]
            elif stack_axis == 1:
                rows = axes[-1]
            else:
                columns = axes[-1]
        self._inverted = rows[0] > columns[0]
        self._take = np.ix_(rows[1], columns[1])

    def current(self, viewer: Any) -> int | None:
        """The stack's slice that the viewer shows; None where it shows another plane, or none of it."""
        if self.axis in viewer.dims.displayed or viewer.dims.ndim != 3:
            return None
        step = round(float(self.image.world_to_data(viewer.dims.point)[self.axis]))
        return int(self._numbers[step]) if 0 <= step < len(self._numbers) else None

    def lay(self, plane: npt.NDArray[Any], index: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
        """A plane [H, W] of slice ``index`` as a layer's array, one slice thick, and its ``translate``."""
        step = int(np.flatnonzero(self._numbers == index)[0])
        corner = np.zeros(3)
        corner[self.axis] = step
        image = self.image
        moved = np.subtract(image.data_to_world(corner), image.data_to_world(np.zeros(3)))
        moved = np.linalg.solve(image.affine.affine_matrix[:3, :3], moved)
        shown = plane[self._take]
        data = np.expand_dims(np.ascontiguousarray(shown.T if self._inverted else shown), self.axis)
        return data, np.asarray(image.translate) + moved


def _line(numbers: npt.NDArray[Any]) -> tuple[int, npt.NDArray[Any]]:
    """Along which axis a volume's numbers run, and the numbers."""
    # Plain indexing: anything that gathers would write the whole volume out.
    ends = (numbers[-1, 0, 0], numbers[0, -1, 0], numbers[0, 0, -1])
    # Where nothing varies there is a single voxel along it, as along any other axis of one voxel.
    axis = next((a for a, end in enumerate(ends) if end != numbers[0, 0, 0]), int(np.argmin(numbers.shape)))
    return axis, np.moveaxis(numbers, axis, 0)[:, 0, 0]


class SliceLayer:
    """A layer of one slice that is made when there is something to show, and moved after that.

    Parameters
    ----------
    viewer : napari.Viewer
    make : callable
        From data and the arguments of place to the layer.
    """

    def __init__(self, viewer: Any, make: Any) -> None:
        self._viewer = real_viewer(viewer)
        self._make = make
        self.layer: Any = None

    @property
    def shown(self) -> bool:
        """Whether it is among the viewer's layers; someone may have deleted it."""
        return self.layer is not None and self.layer in self._viewer.layers

    def show(self, place: SlicePlace, plane: npt.NDArray[Any], index: int) -> Any:
        """Show a plane [H, W] of the stack's slice ``index``; gives the layer."""
        data, translate = place.lay(plane, index)
        if self.shown:
            self.layer.data = data
            self.layer.translate = translate
            self.layer.visible = True
            return self.layer
        image = place.image
        arguments = {
            key: getattr(image, key) for key in ("scale", "rotate", "shear", "affine", "units", "axis_labels")
        }
        self.layer = self._make(data, translate=translate, **arguments)
        self.layer.metadata[RESULT_KEY] = "preview"
        selected = set(self._viewer.layers.selection)
        active = self._viewer.layers.selection.active
        self._viewer.add_layer(self.layer)
        # What a person is working on stays selected; the window takes its time for each change of that.
        if selected != {active}:
            self._viewer.layers.selection = selected
        self._viewer.layers.selection.active = active
        return self.layer

    def hide(self) -> None:
        """Show it no more, until there is something to show: napari takes its time to remove a layer."""
        if self.shown:
            self.layer.visible = False

    def remove(self) -> None:
        """Take it away."""
        if self.shown:
            self._viewer.layers.remove(self.layer)
        self.layer = None


class Viewpoint(QObject):
    """Tells that the viewer shows another slice, once it has come to rest.

    Parameters
    ----------
    viewer : napari.Viewer
    parent : QObject
    """

    moved = Signal()

    def __init__(self, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self._dims = real_viewer(viewer).dims
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SETTLED_MS)
        self._timer.timeout.connect(self.moved)
        self._events = (self._dims.events.point, self._dims.events.order, self._dims.events.ndisplay)
        for event in self._events:
            event.connect(self._on_event)

    def close(self) -> None:
        """Listen no more."""
        self._timer.stop()
        for event in self._events:
            event.disconnect(self._on_event)

    def _on_event(self, event: object = None) -> None:
        self._timer.start()
