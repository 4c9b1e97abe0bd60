"""What the guard recommends, as data: decisions, reasons with their figures, the Dice that it expects.

`napari_osuda.session.guard.wording` puts it into words; nothing decides by those words.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

__all__ = [
    "Decision",
    "Expected",
    "Reason",
    "ReasonKind",
    "Recommendation",
    "RegionAdvice",
    "combined",
    "removed_by",
]

Decision = Literal["accept", "keep-source", "neither"]
"""Use the adapted mask, use the original one, or trust neither."""


class ReasonKind(enum.StrEnum):
    """What a reason is about; the value stands in ``run.json``."""

    UNCHANGED = "unchanged"
    REMOVED = "removed"
    # What the figures come to: expected Dice of the adapted and of the original mask.
    BETTER = "better"
    WORSE = "worse"
    RISK = "risk of harm"
    POOR = "both poor"
    NOTHING = "nothing marked"
    # What a region's mask does, whatever the figures say.
    EMPTY = "empty"
    VANISHES = "vanishes"
    APPEARS = "appears"
    # Figures of the original ("before") and the adapted mask ("after").
    STEADY = "steady"
    MIXES = "mixes"
    OTHERS = "others"
    CONFIDENCE = "source confidence"
    COHERENCE = "coherence"
    SEPARATION = "separation"
    VOLUMES = "volumes"
    CONTRAST = "contrast unchanged"


@dataclass(frozen=True)
class Reason:
    """One reason of a recommendation.

    Attributes
    ----------
    kind : ReasonKind
    figures : mapping of str to float
        What it rests on: shares of the head from 0 to 1, volumes in ml, Dice.
    region : str or None
        Of the model; None for all labels together.
    case : str or None
        Which case it is about, where several are told of together.
    """

    kind: ReasonKind
    figures: Mapping[str, float] = field(default_factory=dict)
    region: str | None = None
    case: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """For ``run.json``."""
        record = {"kind": self.kind.value, "region": self.region, "figures": dict(self.figures)}
        return record | ({} if self.case is None else {"case": self.case})


@dataclass(frozen=True)
class Expected:
    """The Dice that a mask is expected to have, with the interval that holds it in 9 of 10 cases."""

    dice: float
    low: float
    high: float


@dataclass(frozen=True)
class RegionAdvice:
    """What is recommended for one region, with the Dice that each mask is expected to have there."""

    decision: Decision
    before: Expected | None = None
    after: Expected | None = None


@dataclass(frozen=True)
class Recommendation:
    """What the guard makes of the masks of a case, from label-free figures only.

    Attributes
    ----------
    decision : {"accept", "keep-source", "neither"}
        Use the adapted mask, use the original one, or trust neither.
    reasons : tuple of Reason
        The one that decided first.
    signals : mapping or None
        The figures that it was made from; None where nothing was adapted.
    regions : mapping of str to RegionAdvice
        Of all labels together first, then of each smaller region; empty where nothing was compared.
    """

    decision: Decision
    reasons: tuple[Reason, ...] = ()
    signals: Mapping[str, Any] | None = None
    regions: Mapping[str, RegionAdvice] = field(default_factory=dict)

    @property
    def removed(self) -> int:
        """How many pieces the second mask lacks; where there are any, it is the original one otherwise."""
        return removed_by((reason.kind, reason.figures) for reason in self.reasons)


def removed_by(evidence: Iterable[tuple[str, Mapping[str, Any]]]) -> int:
    """How many pieces the second look has removed, by reasons and their figures."""
    found = (figures.get("pieces") for kind, figures in evidence if kind == ReasonKind.REMOVED)
    # A damaged record may hold anything there.
    return sum(int(count) for count in found if isinstance(count, int | float) and 0 < count < 1e9)


_WORST_FIRST: tuple[Decision, ...] = ("neither", "keep-source", "accept")


def combined(parts: Sequence[tuple[str, Recommendation]]) -> Recommendation | None:
    """The recommendations of several cases, by their names, as one: that of the worst, with its reasons.

    None where there is none; that of a single case is its own.
    """
    if len(parts) <= 1:
        return parts[0][1] if parts else None
    worst = min((advice.decision for _, advice in parts), key=_WORST_FIRST.index)
    reasons = (
        replace(reason, case=name)
        for name, advice in parts
        if advice.decision == worst
        for reason in advice.reasons
    )
    return Recommendation(worst, tuple(reasons))
