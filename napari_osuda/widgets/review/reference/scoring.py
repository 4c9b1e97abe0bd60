"""A reference beside the review: scores, wrong voxels of each slice, and an error map. It decides nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer

from napari_osuda.errors import OsudaError, explain
from napari_osuda.evaluation import RegionScore, difference, evaluate, require_scorable
from napari_osuda.imaging import onto_grid, read_labels
from napari_osuda.imaging.world import from_layer
from napari_osuda.napari_layers.transforms import grid_of
from napari_osuda.widgets.qt.background import Background
from napari_osuda.widgets.review import words
from napari_osuda.widgets.review.context import ReviewContext
from napari_osuda.widgets.review.reference.panel import ReferencePanel

__all__ = ["ReferenceView"]


class ReferenceView(QObject):
    """Keeps the panel and the error map in step with the decisions.

    Distances between large surfaces take seconds, so they are measured off the GUI thread, once the reviewer
    pauses.

    Parameters
    ----------
    context : ReviewContext
    panel : ReferencePanel
    """

    def __init__(self, context: ReviewContext, panel: ReferencePanel) -> None:
        super().__init__()
        self._context = context
        self._panel = panel
        # Of masks that do not change, and what they belong to.
        self._known: dict[str, list[RegionScore]] = {}
        self._known_of: tuple[object, object] = (None, None)
        # Name of the file that a case's reference was read from.
        self._files: dict[str, str] = {}
        self._scoring = Background(self)
        self._scoring.done.connect(self._show)
        self._scoring.failed.connect(lambda error: context.tell(explain(error), True))
        # Decided while the masks were being measured: measure once more, and not many times at once.
        self._stale = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(200)
        self._pause.timeout.connect(self._score)

    def close(self) -> None:
        """Score no more."""
        self._pause.stop()
        self._scoring.close()

    @property
    def labels(self) -> NDArray[Any] | None:
        """The reference [I, J, K] of the case under review, if there is one."""
        run, review = self._context.run, self._context.review
        return None if run is None or review is None else run.references.get(review.case.name)

    def take_layer(self, layer: Any) -> bool:
        """Score against a Labels layer, or with None no more; whether anything is different now."""
        review = self._context.review
        if review is None:
            return False
        if layer is None:
            self._files.pop(review.case.name, None)
            return self._set(None)
        case = review.case
        try:
            grid = grid_of(layer)
            labels = from_layer(np.asarray(layer.data), layer.metadata)
            labels = self._checked(onto_grid(labels, grid, layer.name, case.grid, case.name))
        except OsudaError as error:
            self._context.tell(str(error), True)
            return False
        self._files.pop(case.name, None)
        return self._set(labels)

    def take_file(self, path: Path | str) -> bool:
        """Score against the labels in a file; what is wrong with it is said."""
        review = self._context.review
        if review is None:
            return False
        try:
            labels, grid = read_labels(path)
            labels = onto_grid(labels, grid, Path(path).name, review.case.grid, review.case.name)
            labels = self._checked(labels)
        except OsudaError as error:
            self._context.tell(str(error), True)
            return False
        self._files[review.case.name] = Path(path).name
        return self._set(labels)

    def _checked(self, labels: NDArray[Any]) -> NDArray[Any]:
        """A reference whose labels are the run's own convention; CaseError where they are not."""
        run = self._context.run
        if run is not None:
            require_scorable(run.regions, labels, known=tuple(run.labels))
        return labels

    def errors(self, masks: tuple[str, ...] = ("before", "after", "final")) -> dict[str, NDArray[np.int64]]:
        """Wrong voxels of each slice of the plane, by mask; empty without a reference."""
        reference, context = self.labels, self._context
        if reference is None or context.review is None:
            return {}
        others = tuple(axis for axis in range(3) if axis != context.review.axes[context.plane])
        return {m: np.count_nonzero(context.masks()[m] != reference, axis=others) for m in masks}

    def refresh(self) -> None:
        """Score anew, and draw the error map that is wanted."""
        context, reference = self._context, self.labels
        if context.run is None or context.review is None:
            return
        self._panel.set_file("" if reference is None else self._files.get(context.review.case.name, ""))
        if reference is None:
            self._pause.stop()
            self._panel.set_scores({})
        else:
            if self._known_of[0] is not context.review or self._known_of[1] is not reference:
                self._known, self._known_of = {}, (context.review, reference)
            self._panel.set_scores({m: self._known.get(m) for m in context.masks()})
            self._pause.start()
        self.show_map()

    def show_map(self) -> None:
        """Draw the error map that is wanted, or take it away."""
        context, reference, which = self._context, self.labels, self._panel.map.currentData()
        if not which or reference is None or context.review is None:
            context.layers.show_error(None)
            return
        title = words.error_map(which, context.review.case.names)
        context.layers.show_error((title, difference(reference, context.masks()[which])))

    def _score(self) -> None:
        run, review, reference = self._context.run, self._context.review, self.labels
        if run is None or review is None or reference is None:
            return
        if self._scoring.busy:
            self._stale = True
            return
        # The final mask goes on changing while it is measured.
        masks = {m: mask.copy() if m == "final" else mask for m, mask in self._context.masks().items()
                 if m not in self._known}  # fmt: skip
        of, affine, regions, known = self._known_of, review.case.grid.affine, run.regions, tuple(run.labels)
        self._scoring.run(
            lambda: (of, {m: evaluate(mask, reference, affine, regions, known) for m, mask in masks.items()})
        )

    def _show(self, answer: tuple[tuple[object, object], dict[str, list[RegionScore]]]) -> None:
        of, scores = answer
        if self._stale:
            self._stale = False
            self._pause.start()
        if of is not self._known_of or self.labels is None:
            return
        self._known |= {m: found for m, found in scores.items() if m != "final"}
        self._panel.set_scores({**self._known, "final": None if self._pause.isActive() else scores["final"]})

    def _set(self, labels: NDArray[Any] | None) -> bool:
        assert self._context.run is not None
        assert self._context.review is not None
        name = self._context.review.case.name
        if labels is None:
            return self._context.run.references.pop(name, None) is not None
        self._context.run.references[name] = labels
        return True
