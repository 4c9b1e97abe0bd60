"""How much better an adapted mask is expected to be, from signals that need no reference."""

from __future__ import annotations

import numpy as np

from napari_osuda.session.guard_signals import Signals

__all__ = ["FEATURES", "MARGIN", "WEIGHTS", "contributions", "expected_gain", "features"]

# Gain in Dice for each unit of a feature, by ridge regression on the sweep's validation patients, none of
# whom is in any table of results: `python -m napari_osuda.benchmark.guard_fit` prints this again.
WEIGHTS: dict[str, float] = {
    "mirror": 0.2,
    "certainty": 0.0,
    "coherence": 0.2,
    "largest": 0.1,
    "border": 0.1,
    "agreement": 0.0,
    "constant": 0.0,
}
MARGIN = 0.02
"""Expected gain below which the source's mask is kept: a wrong mask costs more than a missed gain."""

FEATURES = tuple(WEIGHTS)


def features(before: Signals, after: Signals, shared: float) -> dict[str, float]:
    """What the expectation is made of.

    Parameters
    ----------
    before, after : Signals
        Of the source and of the adapted model.
    shared : float
        Dice between the two masks.
    """
    found = {
        name: getattr(after, name) - getattr(before, name)
        for name in ("mirror", "certainty", "coherence", "largest")
    }
    return found | {
        "border": float(np.clip(after.border - before.border, -1, 1)),
        "agreement": 1.0 - shared,
        "constant": 1.0,
    }


def contributions(before: Signals, after: Signals, shared: float = 1.0) -> dict[str, float]:
    """Part of each feature in the expected gain, Dice."""
    return {name: WEIGHTS[name] * value for name, value in features(before, after, shared).items()}


def expected_gain(before: Signals, after: Signals, shared: float) -> float:
    """Expected gain in Dice, less the margin: accept where it is positive."""
    return sum(contributions(before, after, shared).values()) - MARGIN
