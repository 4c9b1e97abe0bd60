"""A session of a cohort as the tables and the report tell it."""

from __future__ import annotations

from dataclasses import dataclass

from napari_osuda.session.cohort.dataset import Session
from napari_osuda.session.cohort.record import CaseOutcome
from napari_osuda.session.guard.wording import headline

__all__ = ["SessionRow"]


@dataclass(frozen=True)
class SessionRow:
    """One session in the table: ``case`` is None where it is not done."""

    session: Session
    state: str
    error: str | None
    job: str
    case: CaseOutcome | None

    @property
    def decision(self) -> str | None:
        """What the guard recommends."""
        advice = None if self.case is None else self.case.recommendation
        return None if advice is None else advice.decision

    @property
    def kind(self) -> str | None:
        """The decision, or "reduced" where a reduced mask is to be accepted: a key of `HEADLINES`."""
        return "reduced" if self.decision == "accept" and self.removed else self.decision

    @property
    def headline(self) -> str:
        """The same in words."""
        return headline(self.decision, self.removed)

    @property
    def removed(self) -> int:
        """How many pieces of the original mask the second look has removed."""
        advice = None if self.case is None else self.case.recommendation
        return 0 if advice is None else advice.removed
