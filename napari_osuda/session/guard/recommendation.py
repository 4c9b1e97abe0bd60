"""Which mask of a case is to be trusted: a decision from figures, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_osuda.evaluation import dice
from napari_osuda.imaging import Case
from napari_osuda.session.advice import Decision, Expected, Reason, ReasonKind, Recommendation, RegionAdvice
from napari_osuda.session.guard.estimate import CHANGE_FEATURES, Change, Estimator, change_features
from napari_osuda.session.guard.evidence import CandidateName
from napari_osuda.session.guard.figures import Evidence, Figures
from napari_osuda.session.guard.passes import WHOLE
from napari_osuda.session.job import Contrast, Labels

__all__ = ["Judgment", "judged", "unchanged", "with_volumes"]

# Pixels of the network's image, as a share: a region with less is not there.
_TRACE = 2e-5
# Figures that stand as reasons beside the expected Dice, two at most.
_REASON_OF_FIGURE: Mapping[str, ReasonKind] = {
    "steady": ReasonKind.STEADY,
    "mixes": ReasonKind.MIXES,
    "others": ReasonKind.OTHERS,
    "source_confidence": ReasonKind.CONFIDENCE,
    "coherence": ReasonKind.COHERENCE,
    "separation": ReasonKind.SEPARATION,
}
_MOST_REASONS = 2


@dataclass(frozen=True)
class Judgment:
    """What becomes of a case if one candidate's mask is the adapted one.

    Attributes
    ----------
    advice : Recommendation
    gain : float
        Expected change of Dice, mean over the regions; 0 where the mask is not accepted.
    promise : float
        Dice that is expected of the mask, accepted or not; below 0 among masks that are all poor.
    """

    advice: Recommendation
    gain: float
    promise: float = 0.0


@dataclass(frozen=True)
class _Region:
    """One region of a candidate's mask against the source model's."""

    name: str
    figures: tuple[Figures, Figures]
    before: Expected
    after: Expected
    change: Change
    fault: ReasonKind | None

    @property
    def region_name(self) -> str | None:
        return None if self.name == WHOLE else self.name

    def accepted(self, estimator: Estimator) -> bool:
        return self.fault is None and self.change.gain > 0 and self.safe(estimator)

    def safe(self, estimator: Estimator) -> bool:
        return self.fault is None and self.change.harm <= estimator.accepted_harm


def judged(
    evidence: Mapping[CandidateName, Evidence],
    name: CandidateName,
    estimator: Estimator,
    contrast: Contrast | None = None,
) -> Judgment:
    """Use a candidate's mask, or the original one, or neither.

    Parameters
    ----------
    evidence : mapping of CandidateName to Evidence
        Of the source model and of all candidates.
    name : CandidateName
        Whose mask would be the adapted one.
    estimator : Estimator
    contrast : {"converted", "unchanged"} or None
        What was done for an image whose name says that it is of another contrast than the model's.

    Returns
    -------
    Judgment
        The mask is accepted where Dice is expected to rise, in the mean over the regions, and the chance of
        harm is small for each of them. Neither is trusted where the better one is expected to be useless.
    """
    before, after = evidence["source"], evidence[name]
    signals: dict[str, Any] = {
        "candidate": name,
        "contrast": contrast,
        "figures": {
            key: {region: figures.to_dict() for region, figures in found.items()}
            for key, found in evidence.items()
        },
    }
    regions = [
        _region(region, before[region], after[region], estimator)
        for region in before
        if max(before[region].share, after[region].share) > 0
    ]
    if not regions or max(before[WHOLE].share, after[WHOLE].share) < _TRACE:
        return Judgment(Recommendation("neither", (Reason(ReasonKind.NOTHING),), signals), 0.0, -1.0)
    gain = float(np.mean([region.change.gain for region in regions]))
    accept = gain > 0 and all(region.safe(estimator) for region in regions)
    whole = regions[0]
    best = whole.after if accept else whole.before
    decision: Decision = "accept" if accept else "keep-source"
    if best.dice < estimator.useless:
        decision = "neither"
    reasons = _reasons(decision, regions, estimator)
    if decision != "accept" and contrast == "unchanged":
        reasons = (*reasons, Reason(ReasonKind.CONTRAST))
    found = {region.name: _region_advice(region, estimator) for region in regions}
    advice = Recommendation(decision, reasons, signals, found)
    promise = estimator.promise(*whole.figures)
    return Judgment(advice, gain if decision == "accept" else 0.0, promise)


def unchanged(said: Recommendation | None = None, *, marked: bool = True) -> Recommendation:
    """Of a mask that is the source model's; what the guard says of a poor one stays.

    Parameters
    ----------
    said : Recommendation, optional
        By the figures, where there are any.
    marked : bool
        Whether the mask marks anything.
    """
    if said is not None and said.decision == "neither":
        return said
    signals = None if said is None else said.signals
    if not marked:
        return Recommendation("neither", (Reason(ReasonKind.NOTHING),), signals)
    return Recommendation("accept", (Reason(ReasonKind.UNCHANGED),), signals)


def with_volumes(advice: Recommendation, before: Labels, after: Labels, case: Case) -> Recommendation:
    """A recommendation that tells, last, how large the two masks of a case [I, J, K] are."""
    ml = float(np.prod(case.grid.spacing)) / 1000.0
    figures = {
        "before_ml": np.count_nonzero(before) * ml,
        "after_ml": np.count_nonzero(after) * ml,
        "dice": float(dice(before != 0, after != 0)),
    }
    reasons = (*advice.reasons, Reason(ReasonKind.VOLUMES, figures))
    return Recommendation(advice.decision, reasons, advice.signals, advice.regions)


def _region(name: str, before: Figures, after: Figures, estimator: Estimator) -> _Region:
    return _Region(name, (before, after), *estimator.compared(before, after), _fault(name, before, after))


def _fault(name: str, before: Figures, after: Figures) -> ReasonKind | None:
    """What nobody would accept, whatever the figures say."""
    if before.share >= _TRACE and after.share < _TRACE:
        return ReasonKind.EMPTY if name == WHOLE else ReasonKind.VANISHES
    # A few pixels of a class that the source model saw nowhere: if it is not there, all of it is wrong.
    if before.share == 0 and 0 < after.share < _TRACE:
        return ReasonKind.APPEARS
    return None


def _region_advice(region: _Region, estimator: Estimator) -> RegionAdvice:
    accepted = region.accepted(estimator)
    decision: Decision = "accept" if accepted else "keep-source"
    if (region.after if accepted else region.before).dice < estimator.useless:
        decision = "neither"
    return RegionAdvice(decision, region.before, region.after)


def _reasons(decision: Decision, regions: Sequence[_Region], estimator: Estimator) -> tuple[Reason, ...]:
    """The one that decided first, then the figures that weighed most for it."""
    whole = regions[0]
    if decision == "neither":
        return (_expected(ReasonKind.POOR, whole),)
    if decision == "accept":
        return (_expected(ReasonKind.BETTER, whole), *_figures(whole, estimator, 1.0))
    for region in regions:
        if region.fault is not None:
            return (Reason(region.fault, region=region.region_name),)
    worst = max(regions, key=lambda region: region.change.harm)
    kind = ReasonKind.WORSE if worst.change.gain <= 0 else ReasonKind.RISK
    return (_expected(kind, worst), *_figures(worst, estimator, -1.0))


def _expected(kind: ReasonKind, region: _Region) -> Reason:
    figures = {"harm": region.change.harm}
    for when, expected in (("before", region.before), ("after", region.after)):
        figures |= {f"{when}_{name}": value for name, value in vars(expected).items()}
    return Reason(kind, figures, region.region_name)


def _figures(region: _Region, estimator: Estimator, sign: float) -> list[Reason]:
    """The figures that weighed most in the direction of the decision and can be read to differ."""
    before, after = region.figures
    model = estimator.change
    weighed = model.weights * (change_features(before, after, region.before.dice) - model.mean) / model.scale
    found = []
    for weight, name in sorted(zip((sign * weighed).tolist(), CHANGE_FEATURES, strict=True), reverse=True):
        if weight > 0 and name in _REASON_OF_FIGURE:
            was, now = getattr(before, name), getattr(after, name)
            # What weighs for a mask and reads as if it spoke against it would only confuse.
            if sign * (round(now, 2) - round(was, 2)) > 0:
                found.append(
                    Reason(_REASON_OF_FIGURE[name], {"before": was, "after": now}, region.region_name)
                )
    return found[:_MOST_REASONS]
