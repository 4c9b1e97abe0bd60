"""What is recommended of the original mask without the pieces that the model does not find again.

A rule that was measured, and no estimate from figures: of 153 masks of FLAIR, 2 were worse by more than 0.01
(of 99 from other institutions none; docs/defaults.md). The guard's promised rate does not cover it.
"""

from __future__ import annotations

import numpy as np

from napari_osuda.evaluation import pieces_of
from napari_osuda.imaging import Case
from napari_osuda.session.advice import Decision, Expected, Reason, ReasonKind, Recommendation, RegionAdvice
from napari_osuda.session.guard.passes import WHOLE
from napari_osuda.session.guard.recommendation import unchanged, with_volumes
from napari_osuda.session.job import Labels

__all__ = ["without_pieces"]


def without_pieces(
    said: Recommendation, before: Labels, after: Labels, case: Case, useless: float
) -> Recommendation:
    """The recommendation for a mask that has lost pieces and is the original one otherwise.

    Parameters
    ----------
    said : Recommendation
        On another mask of the case; it tells what is expected of the original one.
    before, after : uint8 array [I, J, K]
        The original mask, and what is left of it.
    case : Case
        Theirs.
    useless : float
        Expected Dice below which a mask is not to be trusted.

    Notes
    -----
    What is removed is taken to be false. Dice is 2 h / (n + r) with h voxels hit of n marked and r in the
    reference; with a share s of n gone and n about r, it becomes Dice / (1 - s / 2).
    """
    removed = (before != 0) & (after == 0)
    if not removed.any():
        return unchanged(said, marked=bool(after.any()))
    share = np.count_nonzero(removed) / np.count_nonzero(before)
    ml = float(np.prod(case.grid.spacing)) / 1000.0
    figures = {"pieces": float(pieces_of(removed)[1]), "ml": np.count_nonzero(removed) * ml}
    whole = said.regions.get(WHOLE)
    was = None if whole is None else whole.before
    now = None if was is None else _raised(was, 1.0 - share / 2)
    # By the original mask: that what is gone was false is taken for granted, and makes no mask trusted.
    decision: Decision = "neither" if was is not None and was.dice < useless else "accept"
    signals = None if said.signals is None else {**said.signals, "candidate": "pieces"}
    regions = {WHOLE: RegionAdvice(decision, was, now)}
    reasons: tuple[Reason, ...] = (Reason(ReasonKind.REMOVED, figures),)
    if decision == "neither" and was is not None and now is not None:
        of_both = {f"before_{name}": value for name, value in vars(was).items()}
        of_both |= {f"after_{name}": value for name, value in vars(now).items()}
        reasons = (Reason(ReasonKind.POOR, of_both), *reasons)
    told = Recommendation(decision, reasons, signals, regions)
    return with_volumes(told, before, after, case)


def _raised(expected: Expected, by: float) -> Expected:
    dice, low, high = (min(value / by, 1.0) for value in (expected.dice, expected.low, expected.high))
    return Expected(dice, low, high)
