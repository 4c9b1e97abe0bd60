"""Strokes of the brush on the final mask: held to a range of intensities, and to known labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial

import numpy as np

from napari_osuda.errors import OsudaError
from napari_osuda.napari_layers.soon import soon
from napari_osuda.session.review.log import SlicePlane
from napari_osuda.session.review.review import Review
from napari_osuda.session.review.tools.growing import in_range
from napari_osuda.session.review.tools.use import Tool, ToolUse
from napari_osuda.widgets.qt.questions import ask
from napari_osuda.widgets.review import words as review_words
from napari_osuda.widgets.review.context import ReviewContext
from napari_osuda.widgets.review.page import ReviewPage
from napari_osuda.widgets.review.tools import words
from napari_osuda.widgets.review.tools.image import shown_image

__all__ = ["Strokes"]

# Buttons of a question: more labels would not fit.
_MOST_OFFERED = 4


class Strokes:
    """Makes what was painted a decision.

    Parameters
    ----------
    context : ReviewContext
    page : ReviewPage
    """

    def __init__(self, context: ReviewContext, page: ReviewPage) -> None:
        self._context = context
        self._page = page
        self._painted = False

    def on_stroke(self) -> None:
        """Something is being painted: make it a decision once it is there.

        napari tells of a stroke before or after it changes the labels, as the tool happens to be written.
        """
        self._painted = True
        soon(self._page.note, self.commit)

    def commit(self) -> None:
        """Record what was painted, if anything was."""
        context, review = self._context, self._context.review
        if not self._painted or review is None or not context.layers.alive:
            return
        self._painted = False
        plane = context.layers.plane() or context.plane
        use = None
        if self._page.tools.in_range.isChecked():
            use = self._keep_in_range(review)
            if use is None:
                return
        unknown = self._unknown(review)
        if unknown is None:
            self._record(review, plane, use)
        else:
            self._ask_label(review, plane, use, unknown)

    def _keep_in_range(self, review: Review) -> ToolUse | None:
        """Take back what lies outside of the range; None where nothing is left, or there is no image."""
        context, pending = self._context, review.pending()
        if not pending.any():
            return None
        image = shown_image(context.layers, review)
        if image is None:
            self._take_back(review, words.NO_IMAGE)
            return None
        use = self._page.tools.use(Tool.PAINT_IN_RANGE, image[0])
        assert use.low is not None
        assert use.high is not None
        review.revert(pending & ~in_range(image[1], use.low, use.high))
        context.layers.refresh_final()
        painted = np.unique(review.final[review.pending()])
        if not painted.size:
            context.tell(words.NOTHING_IN_RANGE)
            return None
        return dataclasses.replace(use, label=int(painted[0]) if painted.size == 1 else None)

    def _unknown(self, review: Review) -> int | None:
        """A label that was painted and that neither the model nor the mask until now has."""
        painted = np.unique(review.final[review.pending()]).tolist()
        known = {0, *review.case.labels, *review.voxels}
        return next((int(value) for value in painted if value not in known), None)

    def _ask_label(self, review: Review, plane: SlicePlane, use: ToolUse | None, value: int) -> None:
        # Until it is answered the mask holds nothing that is no decision.
        voxels = np.nonzero(review.pending())
        painted = review.final[voxels]
        self._take_back(review)
        names = {v: name for v, name in review.case.labels.items() if v != 0}

        def paint(instead: int) -> None:
            if review is not self._context.review or not self._context.layers.alive:
                return
            review.final[voxels] = np.where(painted == value, instead, painted)
            if instead != value:
                self._context.layers.layers["final"].selected_label = instead
            of = use if use is None else dataclasses.replace(use, label=instead)
            self._record(review, plane, of)

        answers: dict[str, Callable[[], object]] = {
            words.USE.format(name): partial(paint, v) for v, name in list(names.items())[:_MOST_OFFERED]
        }
        answers[words.KEEP.format(value)] = lambda: paint(value)
        ask(self._page.body, words.unknown_label(value, list(names.values())), answers)

    def _record(self, review: Review, plane: SlicePlane, use: ToolUse | None) -> None:
        context = self._context
        try:
            slices = review.commit_edit(plane, self._page.reviewer, use)
        except OsudaError as error:
            context.layers.refresh_final()
            context.tell(str(error), True)
            return
        if slices:
            context.decided.emit()
            shown = context.layers.planes[plane]
            context.tell(review_words.done("edited", [shown.index(i) for i in slices], plane))

    def _take_back(self, review: Review, why: str = "") -> None:
        review.revert()
        self._context.layers.refresh_final()
        if why:
            self._context.tell(why, True)
