"""The panel in step with the viewer and the decisions: table, strip, progress, scores, worklist."""

from __future__ import annotations

from napari_osuda.widgets.review import words
from napari_osuda.widgets.review.context import ReviewContext
from napari_osuda.widgets.review.page import ReviewPage
from napari_osuda.widgets.review.reference.scoring import ReferenceView
from napari_osuda.widgets.review.worklist import Worklist

__all__ = ["PanelSync"]


class PanelSync:
    """Shows on the page what is under review.

    Parameters
    ----------
    context : ReviewContext
    page : ReviewPage
    reference : ReferenceView
    worklist : Worklist
    """

    def __init__(
        self, context: ReviewContext, page: ReviewPage, reference: ReferenceView, worklist: Worklist
    ) -> None:
        self._context, self._page = context, page
        self._reference, self._worklist = reference, worklist

    def follow(self) -> None:
        """The viewer shows another slice or plane."""
        context, page = self._context, self._page
        plane = context.layers.plane()
        if context.review is None or not context.layers.alive or plane is None:
            return
        if plane != context.plane:
            context.plane = plane
            self.show_plane()
        page.slices.follow(context.step)
        page.decide.set_position(*context.position_words())
        self.show_target()
        context.passed()

    def show_plane(self) -> None:
        """List the slices of the plane that the viewer shows."""
        context = self._context
        if context.review is not None:
            shown = context.layers.planes[context.plane]
            errors = self._reference.errors()
            self._page.slices.set_table(context.review, context.table(context.plane), shown, errors)
            self.show_decisions()

    def show_decisions(self) -> None:
        """Show what decisions have changed: masks, table, progress, scores."""
        context, page, review = self._context, self._page, self._context.review
        if review is None or not context.layers.alive:
            return
        context.layers.refresh_final()
        page.slices.decided(self._reference.errors(("final",)))
        page.slices.follow(context.step)
        done, total = review.progress(context.plane)
        page.decide.set_progress(done, total, context.plane)
        page.decide.set_steps(review.can_undo, review.can_redo, len(review.undecided(context.plane)))
        page.decide.set_position(*context.position_words())
        page.set_volumes(review, context.table(context.plane))
        self.show_target()
        self._reference.refresh()
        self.list_cases()

    def show_target(self) -> None:
        """Say what the buttons act on."""
        context, page = self._context, self._page
        if context.review is not None and context.layers.alive:
            page.decide.set_target(words.target(page.slices.chosen(context.step), context.plane))

    def list_cases(self) -> None:
        """Fill the worklist."""
        context, cases = self._context, self._worklist
        at = -1 if context.review is None else cases.index(context.run, context.review.case.name)
        self._page.set_worklist(cases.titles(), at)
