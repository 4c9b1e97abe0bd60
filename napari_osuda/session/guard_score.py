"""Is an adapted mask expected to be better? From signals that need no reference."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from napari_osuda.session.guard_signals import WHOLE, Evidence, Signals

__all__ = ["IMPLAUSIBLE", "TRACE", "Contrast", "Verdict", "contributions", "looks_like_a_lesion", "verdict"]

# Round figures that fit validation patients, none of whom is in any table of results (docs/defaults.md); a
# regression on so few patients did not carry over from one to the next.
_WEIGHTS = {"border": 1.0, "coherence": 0.5, "mirror": 0.5}
# A border this much sharper, or weaker, is as much as a border can say: it grows without end as a mask
# shrinks to the brightest spot.
_SHARPEST = 0.3
# Below this share of its size a region has shrunk to something else.
_SHRUNK = 0.5
# Above this share the whole mask has stayed: a region inside it that shrinks then is a class being given up,
# which is what minimising entropy does to small ones.
_STAYS = 0.75
# A region falls apart where its agreement with its mirror image and from slice to slice fall by so much.
_FALLS_APART = 0.2
# What a single region may lose, however much the others win.
_ONE_REGION = -0.1
TRACE = 1e-4
"""Share of the head below which a region is not there."""
# And above which it cannot vanish unnoticed.
_FINDING = 5e-4

Fault = Literal["appears", "vanishes", "shrinks", "falls apart", "loses"]
Contrast = Literal["turned", "left"]
"""What became of an image whose name says that another contrast stands in for the model's."""

IMPLAUSIBLE = 0.15
"""Share of the head above which a mask is no tumour's: with more, the source's mask is not worth keeping."""
_LESION = 0.08
# In how much of one piece a mask has to be, and how well it has to hang together from slice to slice, to be
# taken for a lesion's. Less is asked where the contrast was turned as the image's name asks for: what is
# marked then has physics on its side, while statistics alone make a tidy mask of anything.
_ONE_PIECE: dict[bool, float] = {False: 0.7, True: 0.5}
_COHERENT: dict[bool, float] = {False: 0.6, True: 0.5}
# What speaks for a mask must be more than nothing.
_ENOUGH = 0.01


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
        The source's mask is larger than any tumour.
    failing : str or None
        The region that speaks against it whatever the others do.
    fault : {"appears", "vanishes", "shrinks", "falls apart", "loses"} or None
        What it does.
    """

    accept: bool
    gain: float
    parts: dict[str, dict[str, float]] = field(default_factory=dict)
    nonsense: bool = False
    failing: str | None = None
    fault: Fault | None = None


def contributions(before: Signals, after: Signals) -> dict[str, float]:
    """What each signal says of a region: positive speaks for the adapted mask.

    Parameters
    ----------
    before, after : Signals
        Of the source and of the adapted model.
    """
    if before.share < TRACE or after.share < TRACE:
        return dict.fromkeys(_WEIGHTS, 0.0)
    # Contrast across a border has no upper end, so what counts is by how many times it rises.
    sharper = math.log((after.border + 0.2) / (before.border + 0.2))
    shrunk = _shrinks(before, after)
    change = {
        # Whatever a mask shrinks to is sharper than what it leaves: that says nothing for it.
        "border": float(np.clip(sharper, -_SHARPEST, 0.0 if shrunk else _SHARPEST)),
        "coherence": after.coherence - before.coherence,
        "mirror": after.mirror - before.mirror,
    }
    return {name: weight * change[name] for name, weight in _WEIGHTS.items()}


def looks_like_a_lesion(
    signals: Signals, border_before: float = math.inf, contrast: Contrast | None = None
) -> bool:
    """Whether a mask could be a lesion's: small, of one piece, and hanging together or sharply bordered."""
    turned = contrast == "turned"
    return (
        contrast != "left"
        and TRACE <= signals.share <= _LESION
        and signals.largest >= _ONE_PIECE[turned]
        and (signals.coherence >= _COHERENT[turned] or signals.border >= border_before)
    )


def verdict(before: Evidence, after: Evidence, contrast: Contrast | None = None) -> Verdict:
    """Accept or refuse the adapted mask.

    Parameters
    ----------
    before, after : Evidence
        Of the source and of the adapted model, with the same regions.
    contrast : {"turned", "left"} or None
        What was done for an image whose name says that another contrast stands in for the model's.

    Returns
    -------
    Verdict
        A source mask larger than any tumour has nothing to lose: the adapted one is accepted if it could be a
        lesion's, which it cannot where the contrast should have been turned and was left. Otherwise the mean
        of the regions' contributions decides, and no region may pay for it.
    """
    parts = {name: contributions(before[name], after[name]) for name in before}
    there = {name: sum(part.values()) for name, part in parts.items() if _there(before[name], after[name])}
    gain = float(np.mean(list(there.values()))) if there else 0.0
    whole, adapted = before[WHOLE], after[WHOLE]
    if whole.share > IMPLAUSIBLE:
        return Verdict(looks_like_a_lesion(adapted, whole.border, contrast), gain, parts, nonsense=True)
    for name in before:
        fault = _fault(before[name], after[name], there.get(name, 0.0), not _shrinks(whole, adapted, _STAYS))
        if fault is not None:
            return Verdict(False, gain, parts, failing=name, fault=fault)
    return Verdict(gain > _ENOUGH, gain, parts)


def _fault(before: Signals, after: Signals, gain: float, whole_stays: bool) -> Fault | None:
    """What speaks against a region's mask whatever the others do."""
    if before.share > _FINDING and after.share < TRACE:
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
