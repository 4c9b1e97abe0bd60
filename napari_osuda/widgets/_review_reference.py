"""A reference beside the review: scores, wrong voxels of each slice, and an error map. It decides nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import OsudaError
from napari_osuda.evaluation import difference
from napari_osuda.imaging import read_labels, require_same_grid
from napari_osuda.imaging.world import from_layer, grid_of_layer
from napari_osuda.widgets._review_desk import Desk
from napari_osuda.widgets._review_look import ReferencePanel

__all__ = ["ReferenceView"]


class ReferenceView:
    """Keeps the panel and the error map in step with the decisions.

    Parameters
    ----------
    desk : Desk
    panel : ReferencePanel
    """

    def __init__(self, desk: Desk, panel: ReferencePanel) -> None:
        self._desk = desk
        self._panel = panel

    @property
    def labels(self) -> NDArray[Any] | None:
        """The reference [I, J, K] of the case under review, if there is one."""
        run, review = self._desk.run, self._desk.review
        return None if run is None or review is None else run.references.get(review.case.name)

    def take_layer(self, layer: Any) -> bool:
        """Score against a Labels layer, or with None no more; whether anything is different now."""
        review = self._desk.review
        if review is None:
            return False
        if layer is None:
            return self._set(None)
        case = review.case
        grid = grid_of_layer(
            layer.data.shape, layer.metadata, layer.scale, layer.translate, layer.axis_labels
        )
        try:
            require_same_grid(case.grid, case.name, grid, layer.name)
        except OsudaError as error:
            self._desk.tell(str(error), True)
            return False
        return self._set(from_layer(np.asarray(layer.data), layer.metadata))

    def take_file(self, path: Path | str) -> bool:
        """Score against the labels in a file; what is wrong with it is said."""
        review = self._desk.review
        if review is None:
            return False
        try:
            labels, grid = read_labels(path)
            require_same_grid(review.case.grid, review.case.name, grid, Path(path).name)
        except OsudaError as error:
            self._desk.tell(str(error), True)
            return False
        return self._set(labels)

    def errors(self, masks: tuple[str, ...] = ("before", "after", "final")) -> dict[str, NDArray[np.int64]]:
        """Wrong voxels of each slice of the plane, by mask; empty without a reference."""
        reference, desk = self.labels, self._desk
        if reference is None or desk.review is None:
            return {}
        others = tuple(axis for axis in range(3) if axis != desk.review.axes[desk.plane])
        return {m: np.count_nonzero(desk.masks()[m] != reference, axis=others) for m in masks}

    def refresh(self) -> None:
        """Score anew, and draw the error map that is wanted."""
        desk, reference = self._desk, self.labels
        if desk.run is None or desk.review is None:
            return
        self._panel.set_scores(desk.run.scores(desk.review.case.name))
        which = self._panel.map.currentData()
        if not which or reference is None:
            desk.layers.show_error(None)
            return
        desk.layers.show_error((f"error of {which} (reference)", difference(reference, desk.masks()[which])))

    def _set(self, labels: NDArray[Any] | None) -> bool:
        assert self._desk.run is not None
        assert self._desk.review is not None
        name = self._desk.review.case.name
        if labels is None:
            return self._desk.run.references.pop(name, None) is not None
        self._desk.run.references[name] = labels
        return True
