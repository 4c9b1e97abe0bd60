"""The reviewer's acts: each is recorded first, then shown and said."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from napari_osuda.errors import OsudaError
from napari_osuda.session.review.case import Mask
from napari_osuda.session.review.log import SlicePlane
from napari_osuda.session.review.review import Review
from napari_osuda.widgets.qt.questions import ask
from napari_osuda.widgets.review import words
from napari_osuda.widgets.review.desk import Desk
from napari_osuda.widgets.review.page import ReviewPage
from napari_osuda.widgets.review.strokes import Strokes
from napari_osuda.widgets.review.tool_acts import ToolActs

__all__ = ["ReviewActs"]


class ReviewActs:
    """Decide, flag, edit, undo.

    What is decided is the current slice, which is seen, or slices that a question has named. Nothing that a
    person painted is replaced without a question.

    Parameters
    ----------
    desk : Desk
    page : ReviewPage
        Says which slices are chosen, the comment and the reviewer's name.

    Attributes
    ----------
    tools : ToolActs
    """

    def __init__(self, desk: Desk, page: ReviewPage) -> None:
        self._desk = desk
        self._page = page
        self._strokes = Strokes(desk, page)
        self.tools = ToolActs(desk, page, self._strokes.commit)

    @property
    def reviewer(self) -> str:
        """Who reviews, as the record will say."""
        return self._page.reviewer

    def decide(self, kind: Mask) -> None:
        """Use a mask in the current slice or the selected rows, and go on to the next undecided one."""
        review, plane = self._ready()
        if review is None:
            return
        slices = self._chosen()
        edited = review.painted(plane, slices)
        if len(slices) == 1 and not edited:
            self._decide(review, kind, plane, slices)
            return
        answers: dict[str, Callable[[], object]] = {
            words.USE[kind]: lambda: self._decide(review, kind, plane, slices)
        }
        others = [index for index in slices if index not in edited]
        if edited and others:
            answers[words.LEAVE_EDITED] = lambda: self._decide(review, kind, plane, others)
        self._ask(words.decide_question(kind, self._steps(slices), plane, self._steps(edited)), answers)

    def decide_rest(self, kind: Mask) -> None:
        """Use a mask in every slice of the plane that nobody has decided."""
        review, plane = self._ready(seen=False)
        slices = [] if review is None else review.undecided(plane)
        if review is None or not slices:
            return
        edited = review.painted(plane, slices)
        answers: dict[str, Callable[[], object]] = {
            words.USE[kind]: lambda: self._decide(review, kind, plane, slices, go_on=False)
        }
        others = [index for index in slices if index not in edited]
        if edited and others:
            answers[words.LEAVE_EDITED] = lambda: self._decide(review, kind, plane, others, go_on=False)
        self._ask(
            words.decide_question(kind, self._steps(slices), plane, self._steps(edited)), answers, bulk=True
        )

    def decide_everywhere(self, kind: Mask) -> None:
        """Use a mask in the whole volume, whatever was decided."""
        review, _ = self._ready(seen=False)
        if review is None:
            return
        question = words.whole_question(kind, review.decisions, review.any_painted)
        self._ask(question, {words.USE[kind]: lambda: self._decide(review, kind, None, ())}, bulk=True)

    def flag(self, whole: bool = False) -> None:
        """Flag the chosen slices or the case with the comment; without a comment a flag is removed."""
        review, plane = self._ready(seen=not whole)
        if review is None:
            return
        slices = [] if whole else self._chosen()
        comment = self._page.decide.comment.text().strip()
        of = None if whole else plane
        held = review.volume_flag if of is None else review.flag(of, slices[0])
        flagged = held is None or bool(comment)

        def act() -> None:
            kind = "flag" if flagged else "unflag"
            set_flag = lambda: review.set_flag(flagged, of, slices, comment, self.reviewer)  # noqa: E731
            if self._act(review, set_flag, kind, slices, of):
                self._page.decide.comment.clear()
                self._page.decide.comment.clearFocus()

        if len(slices) > 1:
            question = words.flag_question(self._steps(slices), plane, flagged)
            self._ask(question, {words.FLAG_BUTTON if flagged else "Remove": act})
        else:
            act()

    def on_stroke(self) -> None:
        """Something is being painted: make it a decision once it is there."""
        self._strokes.on_stroke()

    def commit_stroke(self) -> None:
        """Record what was painted, if anything was."""
        self._strokes.commit()

    def undo(self) -> None:
        """Undo the last decision."""
        self._step("undo")

    def redo(self) -> None:
        """Redo what was undone."""
        self._step("redo")

    def _ready(self, seen: bool = True) -> tuple[Review | None, SlicePlane]:
        """The review and the plane that is shown; none where ``seen`` slices are wanted and none is."""
        desk = self._desk
        self.commit_stroke()
        if desk.review is not None and seen and not desk.in_plane():
            return None, desk.plane
        return desk.review, desk.plane

    def _ask(self, question: str, answers: dict[str, Callable[[], object]], bulk: bool = False) -> None:
        """Ask; where neither mask is recommended, Enter takes none of them for many slices."""
        review = self._desk.review
        doubted = bulk and review is not None and review.case.decision == "neither"
        told = f"{words.NEITHER} {question}" if doubted else question
        ask(self._page.body, told, answers, cautious=doubted)

    def _decide(
        self, review: Review, kind: Mask, plane: SlicePlane | None, slices: Sequence[int], go_on: bool = True
    ) -> None:
        act = lambda: review.decide(kind, plane, slices, self.reviewer)  # noqa: E731
        if not self._act(review, act, kind, slices, plane):
            return
        if len(slices) > 1:
            # The selection has served: the next key is for the slice that is seen.
            self._page.slices.view.clearSelection()
        if go_on and plane is not None and self._page.decide.on.isChecked():
            step = self._page.slices.next("undecided", self._desk.step)
            if step is not None:
                self._desk.go_to(step)

    def _act(
        self,
        review: Review,
        act: Callable[[], None],
        kind: str,
        slices: Sequence[int],
        plane: SlicePlane | None,
    ) -> bool:
        """Carry a decision out; whether it was recorded."""
        if review is not self._desk.review:
            # Another case has come while a question was open.
            return False
        self.commit_stroke()
        try:
            act()
        except OsudaError as error:
            self._desk.tell(str(error), True)
            return False
        self._desk.decided.emit()
        self._desk.tell(words.done(kind, self._steps(slices, plane), plane))
        return True

    def _step(self, which: str) -> None:
        desk = self._desk
        review, _ = self._ready()
        if review is None:
            return
        try:
            entry = (review.undo if which == "undo" else review.redo)(self.reviewer)
        except OsudaError as error:
            desk.tell(str(error), True)
            return
        if entry is None:
            desk.tell(words.NOTHING_TO[which])
            return
        desk.decided.emit()
        steps = self._steps(entry.slices, entry.plane)
        if entry.plane is not None:
            # One sees what was undone.
            desk.layers.go_to(entry.plane, steps[0])
        desk.tell(words.stepped(which, entry, steps))

    def _chosen(self) -> list[int]:
        desk = self._desk
        shown = desk.layers.planes[desk.plane]
        return [shown.index(step) for step in self._page.slices.chosen(desk.step)]

    def _steps(self, slices: Sequence[int], plane: SlicePlane | None = None) -> list[int]:
        """The viewer's numbers of slices of the case."""
        shown = self._desk.layers.planes[plane or self._desk.plane]
        return [shown.index(index) for index in slices]
