"""How much better an adapted mask is expected to be, from signals that need no reference."""

from __future__ import annotations

import numpy as np

from napari_osuda.session.guard_signals import Signals

__all__ = ["IMPLAUSIBLE", "contributions", "expected_gain"]

# Gain in Dice for each unit of a signal's rise. Round figures that fit the sweep's validation patients, none
# of whom is in any table of results; a regression on so few patients did not carry over from one to the
# next. `python -m napari_osuda.benchmark.guard_check` prints how they do there.
_WEIGHTS = {"coherence": 0.4, "mirror": 0.1, "border": 0.1}
IMPLAUSIBLE = 0.15
"""Share of the head above which a mask is no tumour's: with more, the source's mask is not worth keeping."""
_BETTER_THAN_NONSENSE = 0.025


def contributions(before: Signals, after: Signals) -> dict[str, float]:
    """Part of each signal in the expected gain, Dice.

    Parameters
    ----------
    before, after : Signals
        Of the source and of the adapted model.
    """
    nonsense = before.share > IMPLAUSIBLE >= after.share
    parts = {
        name: weight * (getattr(after, name) - getattr(before, name)) for name, weight in _WEIGHTS.items()
    }
    parts["border"] = float(np.clip(parts["border"], 0.0 if nonsense else -0.1, 0.1))
    parts["share"] = _BETTER_THAN_NONSENSE if nonsense else 0.0
    return parts


def expected_gain(before: Signals, after: Signals) -> float:
    """Expected gain in Dice: accept where it is positive."""
    return sum(contributions(before, after).values())
