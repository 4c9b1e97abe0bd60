"""Single slices of a case as layers: where they lie on the image, and a layer that moves with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QObject, QTimer, Signal

from napari_osuda.imaging.world import onto_layer
from napari_osuda.napari_layers.masks import RESULT_KEY
from napari_osuda.napari_layers.names import add_layer, free_name
from napari_osuda.napari_layers.transforms import TRANSFORM
from napari_osuda.widgets.qt.window import real_viewer

if TYPE_CHECKING:
    from napari_osuda.imaging import SliceStack
    from napari_osuda.session import Job

__all__ = ["SliceGeometry", "SliceLayer", "Viewpoint", "copy_transform", "current_slice", "other_plane"]

# A slice that is only scrolled past is not computed.
_SETTLED_MS = 120


class SliceGeometry:
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

    def on_layer(
        self, plane: npt.NDArray[Any], index: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
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


def current_slice(viewer: Any, job: Job, image: Any) -> int | None:
    """Number of the slice that the viewer shows, in the first case of a job that is not begun."""
    from napari_osuda.imaging import SliceStack
    from napari_osuda.session import slice_spec

    return SliceGeometry(SliceStack(job.cases[0], slice_spec(job.model.card)), image).current(viewer)


def copy_transform(layer: Any, image: Any) -> None:
    """Give a layer the place, units and axes of an image layer, where it has others."""
    for key in TRANSFORM:
        wanted = getattr(image, key)
        if not _same(getattr(layer, key), wanted):
            setattr(layer, key, wanted)


def _recolor(layer: Any, like: Any) -> None:
    """Give a layer the colors of another, and the names of its labels."""
    layer.colormap = like.colormap
    if hasattr(like, "features"):
        layer.features = like.features


def _same(one: Any, other: Any) -> bool:
    matrices = [getattr(each, "affine_matrix", each) for each in (one, other)]
    return bool(np.array_equal(*matrices))


class SliceLayer:
    """A layer of one slice: made when there is something to show, and from then on moved, hidden and shown.

    Parameters
    ----------
    viewer : napari.Viewer
    make : callable
        From data to the layer.
    """

    def __init__(self, viewer: Any, make: Callable[[npt.NDArray[Any]], Any]) -> None:
        self._viewer = real_viewer(viewer)
        self._make = make
        self._image: Any = None
        self._name = ""
        self._is_of_before = False
        self.layer: Any = None

    @property
    def shown(self) -> bool:
        """Whether it is among the viewer's layers; someone may have deleted it."""
        return self.layer is not None and self.layer in self._viewer.layers

    def begin(self) -> None:
        """Another run, whose model may have other labels and colors: hide what is of the one before."""
        self.hide()
        self._is_of_before = True

    def show(self, geometry: SliceGeometry, plane: npt.NDArray[Any], index: int, name: str) -> Any:
        """Show a plane [H, W] of the stack's slice ``index`` under a name; gives the layer."""
        data, translate = geometry.on_layer(plane, index)
        layers, is_new = self._viewer.layers, not self.shown
        if is_new:
            self.layer = self._make(data)
            self.layer.metadata[RESULT_KEY] = "preview"
        else:
            self.layer.data = data
            if self._is_of_before:
                _recolor(self.layer, self._make(data))
        self._is_of_before = False
        if is_new or self._image is not geometry.image:
            self._image = geometry.image
            copy_transform(self.layer, geometry.image)
        self.layer.translate = translate
        if is_new or name != self._name:
            self._name = name
            self.layer.name = free_name(layers, name, self.layer)
        if not is_new:
            self.layer.visible = True
            return self.layer
        selected, active = set(layers.selection), layers.selection.active
        add_layer(self._viewer, self.layer)
        # What a person is working on stays selected; the window takes its time for each change of that.
        if selected != {active}:
            layers.selection = selected
        layers.selection.active = active
        return self.layer

    def hide(self) -> None:
        """Show it no more, until there is something to show: napari takes its time to remove a layer."""
        if self.shown:
            self.layer.visible = False

    def remove(self) -> None:
        """Take it away."""
        if self.shown:
            self._viewer.layers.remove(self.layer)
        self.layer = self._image = None


def other_plane(run: Any, what: str) -> str:
    """What to say where the viewer shows another plane than the network's slices."""
    return f"The model works on {run.job.model.card.plane} slices. Turn to this plane to see {what}."


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
