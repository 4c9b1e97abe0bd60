"""Which plane and slice a viewer shows of a case, and how to go to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_osuda.imaging.world import onto_layer
from napari_osuda.session.review.log import PLANES, SlicePlane
from napari_osuda.session.review.review import Review

__all__ = ["PlaneAxis", "find_planes", "go_to", "is_inside", "plane_in_view", "step_in_view"]


@dataclass(frozen=True)
class PlaneAxis:
    """Along which axis of the viewer a plane's slices lie, how many, and whether they run the other way."""

    axis: int
    count: int
    flipped: bool

    def index(self, step: int) -> int:
        """Slice of the case's own array that the viewer calls ``step``; and the other way round."""
        return self.count - 1 - step if self.flipped else step


def find_planes(review: Review, metadata: Mapping[str, Any]) -> dict[SlicePlane, PlaneAxis]:
    """Where the slices of each plane lie in layers with this ``metadata``."""
    # Only the strides of this array are looked at: they tell where each axis goes and which way it runs.
    shape = review.case.grid.shape
    probe = np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), shape, (1, 2, 3), writeable=False)
    strides = onto_layer(probe, metadata).strides
    found = {abs(stride) - 1: (axis, stride < 0) for axis, stride in enumerate(strides)}
    return {
        plane: PlaneAxis(
            found[review.axes[plane]][0], shape[review.axes[plane]], found[review.axes[plane]][1]
        )
        for plane in PLANES
    }


def plane_in_view(viewer: Any, planes: Mapping[SlicePlane, PlaneAxis]) -> SlicePlane | None:
    """The plane that the viewer shows; None in 3-D."""
    dims = viewer.dims
    if dims.ndisplay != 2 or not planes:
        return None
    hidden = [axis - (dims.ndim - 3) for axis in dims.not_displayed]
    return next((plane for plane, shown in planes.items() if shown.axis in hidden), None)


def step_in_view(viewer: Any, layer: Any, shown: PlaneAxis) -> int:
    """The viewer's number of the slice of a layer that it shows, or that is nearest to it."""
    return int(np.clip(_place(viewer, layer, shown), 0, shown.count - 1))


def is_inside(viewer: Any, layer: Any, shown: PlaneAxis) -> bool:
    """Whether the viewer shows a slice of a layer: a longer image beside it reaches further."""
    return 0 <= _place(viewer, layer, shown) < shown.count


def _place(viewer: Any, layer: Any, shown: PlaneAxis) -> int:
    point = np.asarray(viewer.dims.point)[-3:]
    return round(float(layer.world_to_data(point)[shown.axis]))


def go_to(viewer: Any, layer: Any, shown: PlaneAxis, step: int) -> None:
    """Show a slice of a layer by the viewer's number, in that plane."""
    dims = viewer.dims
    before = dims.ndim - 3
    if shown.axis + before not in dims.not_displayed:
        rest = [axis + before for axis in range(3) if axis != shown.axis]
        dims.order = (*range(before), shown.axis + before, *rest)
    at = np.zeros(3)
    at[shown.axis] = step
    dims.set_point(shown.axis + before, layer.data_to_world(at)[shown.axis])
