"""A tool used on the final mask: worked out off the window's thread, named, then recorded and shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject

from napari_osuda.errors import ConfigError, OsudaError, explain
from napari_osuda.evaluation import Piece, voxel_ml
from napari_osuda.session.review.log import SlicePlane
from napari_osuda.session.review.review import Review
from napari_osuda.session.review.tools import Scope, Tool, ToolUse, apply_tool
from napari_osuda.session.review.tools.growing import range_of
from napari_osuda.widgets.qt.background import Background
from napari_osuda.widgets.qt.questions import ask
from napari_osuda.widgets.review import words as review_words
from napari_osuda.widgets.review.context import ReviewContext
from napari_osuda.widgets.review.page import ReviewPage
from napari_osuda.widgets.review.tools import words
from napari_osuda.widgets.review.tools.image import shown_image

__all__ = ["ToolCommands"]


class ToolCommands(QObject):
    """Uses tools; what would change more than the slice that is seen is asked first.

    Parameters
    ----------
    context : ReviewContext
    page : ReviewPage
    commit_stroke : callable
        Records what was painted just before.
    """

    def __init__(self, context: ReviewContext, page: ReviewPage, commit_stroke: Callable[[], None]) -> None:
        super().__init__(page.body)
        self._context = context
        self._page = page
        self._commit_stroke = commit_stroke
        self._work = Background(self)
        self._work.done.connect(self._on_done)
        self._work.failed.connect(lambda error: context.tell(explain(error), True))
        page.tools.used.connect(self.use)
        page.tools.range_wanted.connect(self.take_range)
        page.tools.ends_wanted.connect(self._set_ends)
        page.tools.pieces.wanted.connect(self.show_piece)
        page.tools.in_range.toggled.connect(self._on_in_range)

    @property
    def busy(self) -> bool:
        """Whether a tool is at work."""
        return self._work.busy

    def use(self, use: ToolUse) -> None:
        """Use a tool on the case under review."""
        context, review = self._context, self._context.review
        self._commit_stroke()
        if review is None or not context.in_sight():
            return
        if self._work.busy:
            context.tell(words.BUSY)
            return
        image = shown_image(context.layers, review) if use.tool is Tool.GROW else None
        if use.tool is Tool.GROW:
            if image is None:
                context.tell(words.NO_IMAGE, True)
                return
            if use.label is not None and not self._page.tools.has_range:
                self.take_range()
                if not self._page.tools.has_range:
                    return
            low, high = self._page.tools.range
            use = dataclasses.replace(use, image=image[0], low=low, high=high)
        self._page.modes.chosen.emit("final")
        context.tell(words.WORKING)
        plane, index, length = context.plane, context.row, len(review.log)
        before, data = review.final.copy(order="K"), None if image is None else image[1]
        grid, axis, drawn = review.case.grid, review.axes[plane], review.drawn(plane)

        masks = (review.case.before, review.case.after)

        def work() -> tuple[Any, ...]:
            after = apply_tool(
                before, use, grid=grid, axis=axis, index=index, image=data, painted=drawn, masks=masks
            )
            return review, length, use, plane, index, before, after

        self._work.run(work)

    def show_piece(self, piece: Piece) -> None:
        """Go to where a piece that was removed is largest, and show what the masks differ in."""
        context, review = self._context, self._context.review
        if review is None:
            return
        plane = review.case.plane
        step = context.layers.planes[plane].index(piece.widest[review.axes[plane]])
        context.layers.go_to(plane, step)
        self._page.modes.chosen.emit("difference")

    def take_range(self) -> None:
        """Set the range to the intensities that the image has inside the label."""
        context, review = self._context, self._context.review
        if review is None:
            return
        image = shown_image(context.layers, review)
        if image is None:
            context.tell(words.NO_IMAGE, True)
            return
        found = range_of(review.final, image[1], self._page.tools.label.currentData())
        if found is None:
            context.tell(words.NO_LABEL_HERE, True)
        else:
            self._page.tools.set_range(*found)
            context.tell("")

    def _set_ends(self) -> None:
        """Let the range be chosen among the intensities of the image that is shown."""
        review = self._context.review
        image = None if review is None else shown_image(self._context.layers, review)
        if image is not None and image[1].size:
            self._page.tools.set_ends(float(image[1].min()), float(image[1].max()))

    def _on_in_range(self, wanted: bool) -> None:
        # Without a range the brush would do nothing.
        if wanted and not self._page.tools.has_range:
            self.take_range()

    def close(self) -> None:
        """Wait for a tool at work, whose result is not wanted any more."""
        self._work.close()

    def _on_done(self, found: tuple[Any, ...]) -> None:
        review: Review
        review, length, use, plane, index, before, after = found
        context = self._context
        if review is not context.review or len(review.log) != length:
            # Another decision came first: what was worked out is of an earlier mask.
            context.tell(words.OVERTAKEN)
            return
        title = words.TITLES[use.tool]
        slices = _changed_slices(review, plane, before, after)
        if not slices:
            context.tell(words.no_change(title))
            return
        shown = context.layers.planes[plane]
        steps = [shown.index(i) for i in slices]
        ml = _ml_change(review, before, after)
        where = review_words.where(steps, plane)

        def act() -> None:
            self._record(review, length, use, plane, after, words.changed(title, where, ml))

        if slices == [index] or (use.scope is Scope.SLICE and use.tool is not Tool.INTERPOLATE):
            act()
            return
        edited = [shown.index(i) for i in review.painted(plane, slices)]
        named = review_words.where(edited, plane) if edited else ""
        context.tell("")
        ask(self._page.body, words.question(title, where, named, ml), {words.APPLY: act})

    def _record(
        self, review: Review, length: int, use: ToolUse, plane: SlicePlane, after: NDArray[Any], said: str
    ) -> None:
        context = self._context
        if review is not context.review or len(review.log) != length:
            return
        review.final[...] = after
        try:
            review.commit_edit(plane, self._page.reviewer, use)
        except (OsudaError, ConfigError) as error:
            context.layers.refresh_final()
            context.tell(str(error), True)
            return
        context.decided.emit()
        context.tell(said)


def _changed_slices(
    review: Review, plane: SlicePlane, before: NDArray[Any], after: NDArray[Any]
) -> list[int]:
    others = tuple(axis for axis in range(3) if axis != review.axes[plane])
    return [int(index) for index in np.flatnonzero((before != after).any(axis=others))]


def _ml_change(review: Review, before: NDArray[Any], after: NDArray[Any]) -> dict[str, float]:
    """What each label gains, ml."""
    changed, size = before != after, voxel_ml(review.case.grid.affine)
    was, now = before[changed], after[changed]
    values = sorted({*np.unique(was).tolist(), *np.unique(now).tolist()} - {0})
    return {
        review.case.labels.get(value, f"label {value}"): size
        * float(np.count_nonzero(now == value) - np.count_nonzero(was == value))
        for value in values
    }
