"""The worklist: the cases of all runs that were opened for review, and where each stands."""

from __future__ import annotations

from napari_osuda.session.review.review import Review
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.session.review.slices import SliceTable, slice_table

__all__ = ["Worklist", "first_case", "first_name"]

Item = tuple[ReviewRun, str]


class Worklist:
    """Cases in the order in which their runs were opened; a folder that is opened again has one entry.

    Attributes
    ----------
    runs : list of ReviewRun
    """

    def __init__(self) -> None:
        self.runs: list[ReviewRun] = []

    def add(self, run: ReviewRun) -> Item:
        """Take in a run; which case to show first: the one that was last under review, or its first."""
        self.runs = [other for other in self.runs if not _same(other, run)]
        self.runs.append(run)
        return run, first_name(run)

    @property
    def items(self) -> list[Item]:
        """Every case."""
        return [(run, name) for run in self.runs for name in run.names]

    def titles(self) -> list[str]:
        """Each case with its state."""
        return [f"{run.state(name).value}: {name}" for run, name in self.items]

    def index(self, run: ReviewRun | None, name: str) -> int:
        """Which one a case is; -1 if it is none of them."""
        return next((i for i, (of, case) in enumerate(self.items) if of is run and case == name), -1)

    def after(self, run: ReviewRun | None, name: str) -> Item | None:
        """The next case, after the last one the first; None if there is no other."""
        items = self.items
        at = self.index(run, name)
        return items[(at + 1) % len(items)] if at >= 0 and len(items) > 1 else None


def first_case(run: ReviewRun) -> tuple[Review, SliceTable]:
    """The case of a run to show first, read, with the counts of its plane; for any thread."""
    name = first_name(run)
    review = run.review(name)
    last = (run.record.position(name) or {}).get("plane")
    return review, slice_table(review.case, last if last in review.axes else review.case.plane)


def first_name(run: ReviewRun) -> str:
    """Which case to show first: the one that was last under review, or the run's first."""
    return str(run.record.last_case or run.names[0])


def _same(first: ReviewRun, second: ReviewRun) -> bool:
    if first.folder is not None or second.folder is not None:
        return first.folder == second.folder
    return first.run.run_id is not None and first.run.run_id == second.run.run_id
