"""Is an adapted mask expected to be better? From signals that need no reference."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from napari_osuda.session.guard.signals import WHOLE, Evidence, Signals
from napari_osuda.session.job import Contrast

__all__ = [
    "FINDING",
    "IMPLAUSIBLE",
    "TRACE",
    "VANISHED",
    "Verdict",
    "contributions",
    "one_piece",
    "stands_out",
    "verdict",
]

# Round figures that fit patients for tuning, and were changed for what went wrong on others
# (docs/defaults.md); a regression on so few did not carry over from one to the next. A border tells of the
# whole mask only: a class within it that is found in full has a weaker one than its brightest spot.
# Separation tells of classes only: where a false finding joins the whole mask, it can explain more of what is
# around both.
_OF_WHOLE = {"border": 0.5, "coherence": 1.0, "mirror": 1.0}
_OF_REGION = {"separation": 1.0, "coherence": 1.0, "mirror": 1.0}
# By how much a ratio can speak at most, as a logarithm: a border grows without end as a mask shrinks to the
# brightest spot.
_MOST = 0.3
# Below this share of its size a region has shrunk to something else; below the other, a sharper border says
# nothing for it.
_SHRUNK, _AS_LARGE = 0.6, 0.9
# Above this share the whole mask has stayed: a region inside it that shrinks then is a class being given up,
# which is what minimizing entropy does to small ones.
_STAYS = 0.75
# A region falls apart where its agreement with its mirror image and from slice to slice fall by so much.
_FALLS_APART = 0.2
# What a single region may lose, however much the others win.
_ONE_REGION = -0.05
TRACE = 1e-4
"""Share of the head below which a region is not there."""
FINDING = 5e-4
"""And above which it cannot vanish unnoticed; with less, no mask makes up for one that is no tumor's."""

VANISHED = 0.1
"""Share of its volume below which a foreground is not the same finding any more."""

Fault = Literal["appears", "vanishes", "shrinks", "falls apart", "loses"]

IMPLAUSIBLE = 0.15
"""Share of the head above which a mask is no tumor's: with more, the source's mask is not worth keeping."""
# From what is around it, and from the other side, a lesion differs by this many times the spread of the head;
# and it does not consist of slices that have nothing to do with each other.
_STANDS_OUT, _ONE_SIDED, _SOME_COHERENCE = 1.2, 1.0, 0.1
# Where it stands out less: one piece, from slice to slice and in the mirrored head, and on one side still.
_ONE_PIECE = {"coherence": 0.7, "mirror": 0.8, "largest": 0.8, "one_sided": 0.7}
# What speaks for a mask must be more than nothing. Where the loss pulls it to a class ratio that was told, it
# must be more than such a pull brings about by itself: without any shift that is up to 0.11.
_ENOUGH, _ENOUGH_OF_A_PULL = 0.02, 0.12


@dataclass(frozen=True)
class Verdict:
    """What the signals say of an adapted mask.

    Attributes
    ----------
    accept : bool
    gain : float
        Mean over the regions of what speaks for it (positive) or against it.
    parts : dict of str to dict of str to float
        By region and signal.
    nonsense : bool
        The source's mask is larger than any tumor.
    failing : str or None
        The region that speaks against it whatever the others do.
    fault : {"appears", "vanishes", "shrinks", "falls apart", "loses"} or None
        What it does.
    pulled : bool
        It would be accepted, had the loss not pulled it to a class ratio that was told.
    """

    accept: bool
    gain: float
    parts: dict[str, dict[str, float]] = field(default_factory=dict)
    nonsense: bool = False
    failing: str | None = None
    fault: Fault | None = None
    pulled: bool = False


def contributions(before: Signals, after: Signals, *, whole: bool) -> dict[str, float]:
    """What each signal says of a region: positive speaks for the adapted mask.

    Parameters
    ----------
    before, after : Signals
        Of the source and of the adapted model, compared with each other.
    whole : bool
        Whether the region is that of all labels together.
    """
    weights = _OF_WHOLE if whole else _OF_REGION
    if before.share < TRACE or after.share < TRACE:
        return dict.fromkeys(weights, 0.0)
    # What has no upper end counts by how many times it rises.
    sharper = _times(before.border, after.border, 0.2)
    change = {
        # Whatever a mask shrinks to is sharper than what it leaves: that says nothing for it.
        "border": min(sharper, 0.0) if _shrinks(before, after, _AS_LARGE) else sharper,
        "separation": _times(before.separation or 0.0, after.separation or 0.0, 0.02),
        "coherence": after.coherence - before.coherence,
        "mirror": after.mirror - before.mirror,
    }
    return {name: weight * change[name] for name, weight in weights.items()}


def _times(before: float, after: float, least: float) -> float:
    """Logarithm of a ratio, within limits; differences far below ``least`` say nothing."""
    return float(np.clip(math.log((after + least) / (before + least)), -_MOST, _MOST))


def verdict(
    before: Evidence, after: Evidence, contrast: Contrast | None = None, *, class_ratio_given: bool = False
) -> Verdict:
    """Accept or refuse the adapted mask.

    Parameters
    ----------
    before, after : Evidence
        Of the source and of the adapted model, with the same regions.
    contrast : {"converted", "unchanged"} or None
        What was done for an image whose name says that another contrast stands in for the model's.
    class_ratio_given : bool
        Whether the loss pulled the mask to a class ratio that was told, whatever the image shows.

    Returns
    -------
    Verdict
        Of a source mask larger than any tumor no figure is worth comparing, but some of it may be right by
        chance: the adapted one is accepted if what it marks is a lesion's (`stands_out`, `one_piece`), and
        never where the contrast should have been turned and was left. Otherwise the mean of the regions'
        contributions decides, and no region may pay for it.
    """
    parts = {name: contributions(before[name], after[name], whole=name == WHOLE) for name in before}
    there = {name: sum(part.values()) for name, part in parts.items() if _there(before[name], after[name])}
    gain = float(np.mean(list(there.values()))) if there else 0.0
    whole, adapted = before[WHOLE], after[WHOLE]
    if whole.share > IMPLAUSIBLE:
        plausible = FINDING <= adapted.share <= IMPLAUSIBLE
        of_a_lesion = stands_out(adapted) or one_piece(adapted)
        return Verdict(contrast != "unchanged" and plausible and of_a_lesion, gain, parts, nonsense=True)
    for name in before:
        fault = _fault(before[name], after[name], there.get(name, 0.0), not _shrinks(whole, adapted, _STAYS))
        if fault is not None:
            return Verdict(False, gain, parts, failing=name, fault=fault)
    enough = _ENOUGH_OF_A_PULL if class_ratio_given else _ENOUGH
    return Verdict(gain > enough, gain, parts, pulled=_ENOUGH < gain <= enough)


def stands_out(adapted: Signals) -> bool:
    """Whether a mask differs as a lesion does, from what is around it and from the other side of the head."""
    apart = adapted.border >= _STANDS_OUT and (adapted.one_sided or 0.0) >= _ONE_SIDED
    return apart and adapted.coherence >= _SOME_COHERENCE


def one_piece(adapted: Signals) -> bool:
    """Whether a mask is one piece on one side that every slice and the mirrored head agree on.

    A lesion that hardly differs from what is around it (as on T1) can be known by that. Of volumes, whose
    coherence is 1 whatever they are, it cannot.
    """
    enough = all((getattr(adapted, name) or 0.0) >= least for name, least in _ONE_PIECE.items())
    return enough and adapted.coherence < 1.0


def _fault(before: Signals, after: Signals, gain: float, whole_stays: bool) -> Fault | None:
    """What speaks against a region's mask whatever the others do."""
    if before.share > FINDING and after.share < TRACE:
        return "vanishes"
    if before.share == 0 and 0 < after.share < TRACE:
        # A few voxels of a class that the source model saw nowhere: if it is not there, all of it is wrong.
        return "appears"
    if whole_stays and _shrinks(before, after):
        return "shrinks"
    consistency = after.coherence + after.mirror - before.coherence - before.mirror
    if min(before.share, after.share) >= TRACE and consistency < -_FALLS_APART:
        return "falls apart"
    return "loses" if gain < _ONE_REGION else None


def _there(before: Signals, after: Signals) -> bool:
    return max(before.share, after.share) >= TRACE


def _shrinks(before: Signals, after: Signals, share: float = _SHRUNK) -> bool:
    return before.share > TRACE and after.share < share * before.share
