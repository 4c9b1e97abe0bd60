"""The panel in step with the viewer and the decisions: table, strip, progress, scores, worklist."""

from __future__ import annotations

from napari_osuda.widgets.review import words
from napari_osuda.widgets.review.desk import Desk
from napari_osuda.widgets.review.page import ReviewPage
from napari_osuda.widgets.review.reference.scoring import ReferenceView
from napari_osuda.widgets.review.worklist import Worklist

__all__ = ["PanelSync"]


class PanelSync:
    """Shows on the page what is on the desk.

    Parameters
    ----------
    desk : Desk
    page : ReviewPage
    reference : ReferenceView
    worklist : Worklist
    """

    def __init__(self, desk: Desk, page: ReviewPage, reference: ReferenceView, worklist: Worklist) -> None:
        self._desk, self._page = desk, page
        self._reference, self._worklist = reference, worklist

    def follow(self) -> None:
        """The viewer shows another slice or plane."""
        desk, page = self._desk, self._page
        plane = desk.layers.plane()
        if desk.review is None or not desk.layers.alive or plane is None:
            return
        if plane != desk.plane:
            desk.plane = plane
            self.show_plane()
        page.slices.follow(desk.step)
        page.decide.set_position(*desk.position_words())
        self.show_target()
        desk.passed()

    def show_plane(self) -> None:
        """List the slices of the plane that the viewer shows."""
        desk = self._desk
        if desk.review is not None:
            shown = desk.layers.planes[desk.plane]
            errors = self._reference.errors()
            self._page.slices.set_table(desk.review, desk.table(desk.plane), shown, errors)
            self.show_decisions()

    def show_decisions(self) -> None:
        """Show what decisions have changed: masks, table, progress, scores."""
        desk, page, review = self._desk, self._page, self._desk.review
        if review is None or not desk.layers.alive:
            return
        desk.layers.refresh_final()
        page.slices.decided(self._reference.errors(("final",)))
        page.slices.follow(desk.step)
        done, total = review.progress(desk.plane)
        page.decide.set_progress(done, total, desk.plane)
        page.decide.set_steps(review.can_undo, review.can_redo, len(review.undecided(desk.plane)))
        page.decide.set_position(*desk.position_words())
        page.set_volumes(review, desk.table(desk.plane))
        self.show_target()
        self._reference.refresh()
        self.list_cases()

    def show_target(self) -> None:
        """Say what the buttons act on."""
        desk, page = self._desk, self._page
        if desk.review is not None and desk.layers.alive:
            page.decide.set_target(words.target(page.slices.chosen(desk.step), desk.plane))

    def list_cases(self) -> None:
        """Fill the worklist."""
        desk, cases = self._desk, self._worklist
        at = -1 if desk.review is None else cases.index(desk.run, desk.review.case.name)
        self._page.set_worklist(cases.titles(), at)
