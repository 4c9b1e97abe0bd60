"""The reviewer's acts: each is recorded first, then shown and said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from qtpy.QtCore import QTimer

from napari_osuda.errors import OsudaError
from napari_osuda.session.review.log import Entry
from napari_osuda.widgets.review.desk import Desk
from napari_osuda.widgets.review.page import ReviewPage

__all__ = ["ReviewActs"]

Mask = Literal["after", "before"]

_DONE = {"after": "Accepted after in", "before": "Kept before in", "edited": "Edited", "flag": "Flagged",
         "unflag": "Took the flag from"}  # fmt: skip


class ReviewActs:
    """Decide, flag, edit, undo.

    Parameters
    ----------
    desk : Desk
    page : ReviewPage
        Says which slices are chosen, the comment and the reviewer's name.
    """

    def __init__(self, desk: Desk, page: ReviewPage) -> None:
        self._desk = desk
        self._page = page
        self._painted = False

    @property
    def reviewer(self) -> str:
        """Who reviews, as the record will say."""
        return str(self._page.name.text().strip())

    def decide(self, kind: Mask) -> None:
        """Take "after" or "before" in the chosen slices, and go on to the next undecided one."""
        review, plane, slices = self._desk.review, self._desk.plane, self._chosen()
        if review is None:
            return
        done = self._act(lambda: review.decide(kind, plane, slices, self.reviewer), kind, slices)
        if done and self._page.decide.on.isChecked():
            step = self._page.slices.next("undecided", self._desk.step)
            if step is not None:
                self._desk.go_to(step)

    def decide_rest(self, kind: Mask) -> None:
        """Take "after" or "before" in every slice that nobody has decided."""
        review, plane = self._desk.review, self._desk.plane
        slices = [] if review is None else review.undecided(plane)
        if review is not None and slices:
            self._act(lambda: review.decide(kind, plane, slices, self.reviewer), kind, slices)

    def decide_everywhere(self, kind: Mask) -> None:
        """Take "after" or "before" in the whole volume, whatever was decided."""
        review = self._desk.review
        if review is not None:
            self._act(lambda: review.decide(kind, None, who=self.reviewer), kind, ())

    def flag(self, whole: bool = False) -> None:
        """Flag the chosen slices or the case with the comment; without a comment a flag is taken away."""
        review = self._desk.review
        if review is None:
            return
        slices = [] if whole else self._chosen()
        comment = self._page.decide.comment.text().strip()
        plane = None if whole else self._desk.plane
        held = review.volume_flag if plane is None else review.flag(plane, slices[0])
        flagged = held is None or bool(comment)
        kind = "flag" if flagged else "unflag"
        if self._act(lambda: review.set_flag(flagged, plane, slices, comment, self.reviewer), kind, slices):
            self._page.decide.comment.clear()
            self._page.decide.comment.clearFocus()

    def on_stroke(self) -> None:
        """Something is being painted: make it a decision once it is there.

        napari tells of a stroke before or after it changes the labels, as the tool happens to be written.
        """
        self._painted = True
        QTimer.singleShot(0, self._commit_stroke)

    def _commit_stroke(self) -> None:
        desk, review = self._desk, self._desk.review
        if not self._painted or review is None or not desk.layers.alive:
            return
        self._painted = False
        plane = desk.layers.plane() or desk.plane
        try:
            slices = review.commit_edit(plane, self.reviewer)
        except OsudaError as error:
            desk.layers.refresh_final()
            desk.tell(str(error), True)
            return
        if slices:
            desk.decided.emit()
            desk.tell(f"Edited {desk.where(slices, plane)}.")

    def undo(self) -> None:
        """Take the last decision back."""
        if self._desk.review is not None:
            self._step(self._desk.review.undo, "Took back", "There is nothing to undo.")

    def redo(self) -> None:
        """Do again what was taken back."""
        if self._desk.review is not None:
            self._step(self._desk.review.redo, "Did again", "There is nothing to redo.")

    def _act(self, act: Callable[[], None], kind: str, slices: Sequence[int]) -> bool:
        """Carry a decision out; whether it was recorded."""
        self._commit_stroke()
        try:
            act()
        except OsudaError as error:
            self._desk.tell(str(error), True)
            return False
        self._desk.decided.emit()
        self._desk.tell(f"{_DONE[kind]} {self._desk.where(slices)}.")
        return True

    def _step(self, step: Callable[[str], Entry | None], word: str, nothing: str) -> None:
        desk = self._desk
        self._commit_stroke()
        try:
            entry = step(self.reviewer)
        except OsudaError as error:
            desk.tell(str(error), True)
            return
        if entry is None:
            desk.tell(nothing)
            return
        desk.decided.emit()
        if entry.plane is not None:
            # One sees what was taken back.
            desk.layers.go_to(entry.plane, desk.layers.planes[entry.plane].index(entry.slices[0]))
        done = _DONE[entry.kind]
        desk.tell(f"{word}: {done[0].lower()}{done[1:]} {desk.where(entry.slices, entry.plane)}.")

    def _chosen(self) -> list[int]:
        desk = self._desk
        if desk.review is None:
            return []
        shown = desk.layers.planes[desk.plane]
        return [shown.index(step) for step in self._page.slices.chosen(desk.step)]
