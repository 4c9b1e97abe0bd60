"""What a reviewer does to the final mask: each decision is recorded first, then shown and put in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from napari_osuda.errors import OsudaError
from napari_osuda.session.review.case import Mask
from napari_osuda.session.review.log import SlicePlane
from napari_osuda.session.review.review import Review
from napari_osuda.widgets.qt.questions import ask
from napari_osuda.widgets.review import words
from napari_osuda.widgets.review.context import ReviewContext
from napari_osuda.widgets.review.page import ReviewPage
from napari_osuda.widgets.review.strokes import Strokes
from napari_osuda.widgets.review.tool_commands import ToolCommands

__all__ = ["ReviewCommands"]


class ReviewCommands:
    """Decide, flag, edit, undo.

    What is decided is the current slice, which is seen, or slices that a question has named. Nothing that a
    person painted is replaced without a question.

    Parameters
    ----------
    context : ReviewContext
    page : ReviewPage
        Says which slices are chosen, the comment and the reviewer's name.

    Attributes
    ----------
    tools : ToolCommands
    """

    def __init__(self, context: ReviewContext, page: ReviewPage) -> None:
        self._context = context
        self._page = page
        self._strokes = Strokes(context, page)
        self.tools = ToolCommands(context, page, self._strokes.commit)

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
            words.use(kind, review.case.names): lambda: self._decide(review, kind, plane, slices)
        }
        others = [index for index in slices if index not in edited]
        if edited and others:
            answers[words.LEAVE_EDITED] = lambda: self._decide(review, kind, plane, others)
        question = words.decide_question(
            kind, self._steps(slices), plane, self._steps(edited), review.case.names
        )
        self._ask(question, answers)

    def decide_rest(self, kind: Mask) -> None:
        """Use a mask in every slice of the plane that nobody has decided."""
        review, plane = self._ready(seen=False)
        slices = [] if review is None else review.undecided(plane)
        if review is None or not slices:
            return
        edited = review.painted(plane, slices)
        answers: dict[str, Callable[[], object]] = {
            words.use(kind, review.case.names): lambda: self._decide(review, kind, plane, slices, go_on=False)
        }
        others = [index for index in slices if index not in edited]
        if edited and others:
            answers[words.LEAVE_EDITED] = lambda: self._decide(review, kind, plane, others, go_on=False)
        question = words.decide_question(
            kind, self._steps(slices), plane, self._steps(edited), review.case.names
        )
        self._ask(question, answers, bulk=True)

    def decide_everywhere(self, kind: Mask) -> None:
        """Use a mask in the whole volume, whatever was decided."""
        review, _ = self._ready(seen=False)
        if review is None:
            return
        question = words.whole_question(kind, review.decisions, review.any_painted, review.case.names)
        act = lambda: self._decide(review, kind, None, (), go_on=False)  # noqa: E731
        self._ask(question, {words.use(kind, review.case.names): act}, bulk=True)

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
        """The review and the plane that is shown; none where another patient is seen.

        Nor where ``seen`` slices are wanted and none is.
        """
        context = self._context
        self.commit_stroke()
        if context.review is not None and not (context.in_sight() if seen else context.in_front()):
            return None, context.plane
        return context.review, context.plane

    def _ask(self, question: str, answers: dict[str, Callable[[], object]], bulk: bool = False) -> None:
        """Ask; where neither mask is recommended, Enter takes none of them for many slices."""
        review = self._context.review
        doubted = bulk and review is not None and review.case.decision == "neither"
        said = f"{words.NEITHER} {question}" if doubted else question
        ask(self._page.body, said, answers, cautious=doubted)

    def _decide(
        self, review: Review, kind: Mask, plane: SlicePlane | None, slices: Sequence[int], go_on: bool = True
    ) -> None:
        act = lambda: review.decide(kind, plane, slices, self.reviewer)  # noqa: E731
        if not self._act(review, act, kind, slices, plane):
            return
        run = self._context.run
        if not go_on and run is not None:
            _, done, total = run.best_progress(review)
            if done == total and self._page.ask_name():
                self._context.tell(words.NAME_NEXT)
        if len(slices) > 1:
            # The selection has served: the next key is for the slice that is seen.
            self._page.slices.view.clearSelection()
        if go_on and plane is not None and self._page.decide.on.isChecked():
            step = self._page.slices.next("undecided", self._context.step)
            if step is not None:
                self._context.go_to(step)

    def _act(
        self,
        review: Review,
        act: Callable[[], None],
        kind: str,
        slices: Sequence[int],
        plane: SlicePlane | None,
    ) -> bool:
        """Carry a decision out; whether it was recorded."""
        if review is not self._context.review:
            # Another case has come while a question was open.
            return False
        self.commit_stroke()
        try:
            act()
        except OsudaError as error:
            self._context.tell(str(error), True)
            return False
        self._context.decided.emit()
        self._context.tell(words.done(kind, self._steps(slices, plane), plane, review.case.names))
        return True

    def _step(self, which: str) -> None:
        context = self._context
        review, _ = self._ready()
        if review is None:
            return
        try:
            entry = (review.undo if which == "undo" else review.redo)(self.reviewer)
        except OsudaError as error:
            context.tell(str(error), True)
            return
        if entry is None:
            context.tell(words.NOTHING_TO[which])
            return
        context.decided.emit()
        steps = self._steps(entry.slices, entry.plane)
        if entry.plane is not None:
            # One sees what was undone.
            context.layers.go_to(entry.plane, steps[0])
        context.tell(words.stepped(which, entry, steps, review.case.names))

    def _chosen(self) -> list[int]:
        context = self._context
        shown = context.layers.planes[context.plane]
        return [shown.index(step) for step in self._page.slices.chosen(context.step)]

    def _steps(self, slices: Sequence[int], plane: SlicePlane | None = None) -> list[int]:
        """The viewer's numbers of slices of the case."""
        shown = self._context.layers.planes[plane or self._context.plane]
        return [shown.index(index) for index in slices]
