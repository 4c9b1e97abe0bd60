"""The Dice that a mask is expected to have, and how likely it is worse than the original one.

Three linear models of a mask's label-free figures, fitted once on patients with references, simulated and
real (`napari_osuda.benchmark.guard`, which writes ``fitted.json``): the level of Dice, its change against
the source model's mask, and the log-odds of harm. The change is in units of the disagreement 1 - Dice(mask,
source mask): masks that agree cannot differ by more.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.session.advice import Expected
from napari_osuda.session.guard.figures import Figures

__all__ = [
    "CHANGE_FEATURES", "HARM", "HARM_FEATURES", "LEVEL_FEATURES", "Change", "Estimator", "Linear",
    "change_features", "disagreement", "fitted", "harm_features", "interval", "judged_by", "level_features",
]  # fmt: skip

HARM = 0.01
"""A fall of Dice that counts as harm."""
# Masks that agree to this are the same as far as Dice can tell.
_SAME = 0.02

Floats = NDArray[np.float64]

LEVEL_FEATURES = (
    "source_confidence", "seen_confidence", "own_confidence", "mixes", "others", "steady", "coherence",
    "separation", "border", "largest", "mix_growth", "distance", "size",
)  # fmt: skip
"""Names of what the level of Dice is estimated from."""
CHANGE_FEATURES = (*LEVEL_FEATURES, "growth", "expected", "overlap")
"""And its change: differences to the source model's mask, the Dice expected of that, and their overlap."""
_OF_SOURCE = (
    "source_confidence", "mixes", "steady", "coherence", "separation", "largest", "distance", "size",
)  # fmt: skip
HARM_FEATURES = (*CHANGE_FEATURES, "disagreement", *(f"source's {name}" for name in _OF_SOURCE))
"""And the chance of harm: the same, how far the masks disagree, and what the source model's mask is like."""
_SOURCES = [LEVEL_FEATURES.index(name) for name in _OF_SOURCE]


def level_features(figures: Figures) -> Floats:
    """What the level of Dice is estimated from, as `LEVEL_FEATURES` names it."""
    return np.array(
        [
            figures.source_confidence,
            figures.seen_confidence,
            figures.own_confidence,
            figures.mixes,
            figures.others,
            figures.steady,
            figures.coherence,
            figures.separation,
            min(figures.border, 3.0),
            figures.largest,
            min(abs(figures.mix_growth), 3.0),
            figures.distance,
            max(math.log(figures.share + 1e-6), -12.0),
        ]
    )


def change_features(before: Figures, after: Figures, expected: float) -> Floats:
    """What a change of Dice is estimated from, as `CHANGE_FEATURES` names it."""
    growth = float(np.clip(after.growth, -3.0, 3.0))
    return np.array([*(level_features(after) - level_features(before)), growth, expected, after.overlap])


def disagreement(after: Figures) -> float:
    """1 - Dice with the source model's mask, and not less than what Dice can tell."""
    return max(1.0 - after.overlap, _SAME)


def harm_features(before: Figures, after: Figures, expected: float) -> Floats:
    """What the chance of harm is estimated from, as `HARM_FEATURES` names it."""
    change = change_features(before, after, expected)
    return np.array([*change, math.log(disagreement(after)), *level_features(before)[_SOURCES]])


def interval(
    dice: float, knots: Sequence[float], below: Sequence[float], above: Sequence[float]
) -> tuple[float, float]:
    """From how far Dice lies below and above its estimate at most, at some estimates, the bounds at one."""
    low, high = (float(np.interp(dice, knots, side)) for side in (below, above))
    return max(dice - low, 0.0), min(dice + high, 1.0)


@dataclass(frozen=True)
class Linear:
    """A linear model of standardized features."""

    mean: Floats
    scale: Floats
    weights: Floats
    bias: float

    def __call__(self, features: Floats) -> float:
        """The estimate from features [F]; what lies far outside of what it was fitted on is brought in."""
        standard = np.clip((features - self.mean) / self.scale, -4.0, 4.0)
        return float(standard @ self.weights + self.bias)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Linear:
        """From what :meth:`to_dict` gave."""
        mean, scale, weights = (np.asarray(plain[name], np.float64) for name in ("mean", "scale", "weights"))
        return cls(mean, scale, weights, float(plain["bias"]))

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it."""
        return {
            "mean": self.mean.tolist(),
            "scale": self.scale.tolist(),
            "weights": self.weights.tolist(),
            "bias": self.bias,
        }


@dataclass(frozen=True)
class Change:
    """The change of Dice that is expected against the source model's mask, and what it risks.

    Attributes
    ----------
    gain : float
        The expected change.
    harm : float
        The chance of a fall by more than `HARM`.
    """

    gain: float
    harm: float


@dataclass(frozen=True)
class Estimator:
    """Expected Dice, its change and the chance of harm, from figures.

    Attributes
    ----------
    level, change, harm : Linear
        The last gives log-odds.
    below, above : tuple of float
        How far Dice lies below and above its estimate at most in 9 of 10 held-out cases, at ``knots``.
    knots : tuple of float
        Estimates, ascending.
    accepted_harm : float
        The largest chance of harm at which a mask is accepted, chosen by conformal risk control.
    useless : float
        Expected Dice below which a mask is not to be trusted.
    """

    level: Linear
    change: Linear
    harm: Linear
    knots: Sequence[float]
    below: Sequence[float]
    above: Sequence[float]
    accepted_harm: float
    useless: float

    def expected(self, figures: Figures) -> Expected:
        """The Dice that a mask is expected to have."""
        return self._around(self.level(level_features(figures)))

    def compared(self, before: Figures, after: Figures) -> tuple[Expected, Expected, Change]:
        """The Dice expected of the source model's mask and of another one, with the change between them.

        Level and change are estimated apart. What is told agrees: the mean of the two levels stays, and
        their difference is the expected change. A mask that is empty has found nothing: 0.
        """
        change = self.changed(before, after)
        middle = (self.expected(before).dice + self.expected(after).dice) / 2
        levels = middle - change.gain / 2, middle + change.gain / 2
        shares = before.share, after.share
        was, now = (self._around(d if share > 0 else 0.0) for d, share in zip(levels, shares, strict=True))
        return was, now, change

    def promise(self, before: Figures, after: Figures) -> float:
        """What `compared` expects of the second mask, below 0 too: poor masks have an order as well."""
        if after.share <= 0:
            return -1.0
        levels = [self.level(level_features(figures)) for figures in (before, after)]
        return (sum(levels) + self.changed(before, after).gain) / 2

    def _around(self, dice: float) -> Expected:
        dice = float(np.clip(dice, 0.0, 1.0))
        return Expected(dice, *interval(dice, self.knots, self.below, self.above))

    def changed(self, before: Figures, after: Figures) -> Change:
        """The change of Dice from the source model's mask to another one."""
        expected = self.expected(before).dice
        relative = float(np.clip(self.change(change_features(before, after, expected)), -1.0, 1.0))
        odds = self.harm(harm_features(before, after, expected))
        return Change(relative * disagreement(after), 1.0 / (1.0 + math.exp(-odds)))

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Estimator:
        """From what :meth:`to_dict` gave."""
        fields: dict[str, Any] = {name: Linear.from_dict(plain[name]) for name in _LINEAR}
        return cls(**fields, **{name: plain[name] for name in _PLAIN})

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it."""
        plain = {name: getattr(self, name) for name in _PLAIN}
        plain = {k: list(v) if isinstance(v, tuple | list) else v for k, v in plain.items()}
        return {name: getattr(self, name).to_dict() for name in _LINEAR} | plain


_LINEAR = ("level", "change", "harm")
_PLAIN = ("knots", "below", "above", "accepted_harm", "useless")


_IN_FORCE: list[Estimator] = []


def fitted() -> Estimator:
    """The estimator in force: the one that comes with the package, but within `judged_by`."""
    return _IN_FORCE[-1] if _IN_FORCE else _shipped()


@contextmanager
def judged_by(estimator: Estimator | None) -> Iterator[None]:
    """Judge by another estimator for as long as this lasts; None changes nothing. For measuring alone."""
    _IN_FORCE.append(fitted() if estimator is None else estimator)
    try:
        yield
    finally:
        _IN_FORCE.pop()


@functools.cache
def _shipped() -> Estimator:
    text = Path(__file__).with_name("fitted.json").read_text(encoding="utf-8")
    return Estimator.from_dict(json.loads(text))
