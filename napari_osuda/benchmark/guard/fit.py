"""Fitting the guard's estimates to masks with references, and judging protocols that took no part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import lsq_linear, minimize
from scipy.special import expit

import napari_osuda.session.guard.estimate as estimate
from napari_osuda.benchmark.guard.rows import CaseRows
from napari_osuda.session.guard.estimate import (
    CHANGE_FEATURES,
    LEVEL_FEATURES,
    Estimator,
    Linear,
    change_features,
    disagreement,
    harm_features,
    level_features,
)

__all__ = ["ALPHA", "KNOTS", "HeldOut", "finished", "fit", "held_out", "logistic", "ridge", "risk_controlled"]

ALPHA = 0.02
"""Share of the cases that may be harmed."""
USELESS = 0.3
"""Expected Dice below which a mask is not to be trusted."""
KNOTS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Estimates of Dice at which the intervals are told."""
_NEAR, _ENOUGH = 0.2, 30
_WITHIN = 0.9
_PENALTY, _HARM_PENALTY = 3.0, 30.0
# Which way a figure can speak at all: 1 for a better mask, -1 against it, 0 either way. On so few patients a
# weight against all reason is chance.
_SIGNS = dict.fromkeys(LEVEL_FEATURES, 1.0) | {
    "mix_growth": -1.0, "distance": -1.0, "size": 0.0, "growth": 0.0, "expected": -1.0, "overlap": 0.0,
}  # fmt: skip

Floats = NDArray[np.float64]


def ridge(features: Floats, target: Floats, weights: Floats, names: Sequence[str]) -> Linear:
    """A ridge regression on standardized features whose weights have the sign that reason asks for.

    Parameters
    ----------
    features : array [n, F]
    target, weights : array [n]
    names : sequence of F str
    """
    mean = np.average(features, axis=0, weights=weights)
    scale = np.sqrt(np.average((features - mean) ** 2, axis=0, weights=weights)) + 1e-6
    bias = float(np.average(target, weights=weights))
    root = np.sqrt(weights)[:, None]
    standard = np.clip((features - mean) / scale, -4.0, 4.0)
    rows = np.vstack([root * standard, np.sqrt(_PENALTY) * np.eye(len(names))])
    right = np.concatenate([root[:, 0] * (target - bias), np.zeros(len(names))])
    signs = np.array([_SIGNS[name] for name in names])
    low, high = np.where(signs > 0, 0.0, -np.inf), np.where(signs < 0, 0.0, np.inf)
    return Linear(mean, scale, lsq_linear(rows, right, (low, high)).x, bias)


def logistic(features: Floats, harmed: NDArray[np.bool_], weights: Floats) -> Linear:
    """A logistic regression on standardized features with a penalty on squared weights: the log-odds.

    Parameters
    ----------
    features : array [n, F]
    harmed : bool array [n]
    weights : array [n]
        Mean 1.
    """
    mean = np.average(features, axis=0, weights=weights)
    scale = np.sqrt(np.average((features - mean) ** 2, axis=0, weights=weights)) + 1e-6
    standard = np.c_[np.clip((features - mean) / scale, -4.0, 4.0), np.ones(len(features))]
    signs = np.where(harmed, 1.0, -1.0)

    def loss(beta: Floats) -> tuple[float, Floats]:
        margin = signs * (standard @ beta)
        slope = -weights * signs * expit(-margin)
        penalized = np.r_[beta[:-1], 0.0]
        value = float(weights @ np.logaddexp(0.0, -margin)) + _HARM_PENALTY / 2 * float(penalized @ penalized)
        return value, standard.T @ slope + _HARM_PENALTY * penalized

    beta = minimize(loss, np.zeros(standard.shape[1]), jac=True, method="L-BFGS-B").x
    return Linear(mean, scale, beta[:-1], float(beta[-1]))


def fit(cases: Sequence[CaseRows]) -> Estimator:
    """The linear models from cases with references; intervals and the threshold are still to be chosen."""
    # Each protocol weighs alike, however many patients it has; the source's mask once for each patient.
    masks = {
        (c.weighed_with, c.protocol, c.patient, "" if name == "source" else c.family, name, region): row
        for c in cases
        for name, regions in c.masks.items()
        for region, row in regions.items()
    }
    groups = [key[0] for key in masks]
    share = {name: 1.0 / groups.count(name) for name in set(groups)}
    weights = np.array([share[name] for name in groups]) * len(groups) / len(share)
    features = np.array([level_features(row.figures) for row in masks.values()])
    target = np.array([row.dice for row in masks.values()])
    level = ridge(features, target, weights, LEVEL_FEATURES)
    plain = Estimator(level, level, level, KNOTS, (0.0,) * 5, (0.0,) * 5, 0.0, USELESS)
    changes, harms, relative, harmed, shares = [], [], [], [], []
    for case in cases:
        for name, regions in case.masks.items():
            for region, row in regions.items():
                if name == "source":
                    continue
                before = case.masks["source"][region]
                room = disagreement(row.figures)
                features_of_pair = before.figures, row.figures, plain.expected(before.figures).dice
                changes.append(change_features(*features_of_pair))
                harms.append(harm_features(*features_of_pair))
                relative.append((row.dice - before.dice) / room)
                harmed.append(row.dice - before.dice < -estimate.HARM)
                shares.append((room * share[case.weighed_with], share[case.weighed_with]))
    by_room, alike = (np.array(side) / np.mean(side) for side in zip(*shares, strict=True))
    change = ridge(np.array(changes), np.clip(relative, -1, 1), by_room, CHANGE_FEATURES)
    return replace(plain, change=change, harm=logistic(np.array(harms), np.array(harmed), alike))


@dataclass(frozen=True)
class HeldOut:
    """What an estimator says of a case whose protocol it was not fitted on.

    Attributes
    ----------
    case : CaseRows
    level : dict of (candidate, region) to float
        Expected Dice.
    gain, harm : dict of candidate to float
        Mean over the regions, and the largest chance of any.
    """

    case: CaseRows
    level: dict[tuple[str, str], float]
    gain: dict[str, float]
    harm: dict[str, float]

    def chosen(self, accepted_harm: float) -> str:
        """Which candidate is used."""
        passing = [n for n, gain in self.gain.items() if gain > 0 and self.harm[n] <= accepted_harm]
        return max(passing, key=lambda name: self.gain[name], default="source")

    def change(self, accepted_harm: float) -> float:
        """Change of mean Dice that the choice brings."""
        return self.case.dice(self.chosen(accepted_harm)) - self.case.dice("source")


def judge(estimator: Estimator, case: CaseRows) -> HeldOut:
    """What an estimator says of a case."""
    level = {
        (name, region): estimator.expected(row.figures).dice
        for name, regions in case.masks.items()
        for region, row in regions.items()
    }
    gain, harm = {}, {}
    for name, regions in case.masks.items():
        if name == "source":
            continue
        before = case.masks["source"]
        changes = {
            region: estimator.changed(before[region].figures, row.figures) for region, row in regions.items()
        }
        gain[name] = float(np.mean([change.gain for change in changes.values()]))
        harm[name] = max(change.harm for change in changes.values())
        if regions["all labels"].figures.share == 0 and before["all labels"].figures.share > 0:
            harm[name] = 1.0
    return HeldOut(case, level, gain, harm)


def held_out(cases: Sequence[CaseRows]) -> list[HeldOut]:
    """Each case judged by an estimator that saw nobody of its group."""
    found: list[HeldOut] = []
    for group in dict.fromkeys(case.group for case in cases):
        others = [case for case in cases if case.group != group]
        estimator = fit(others)
        found += [judge(estimator, case) for case in cases if case.group == group]
    return found


def risk_controlled(held: Sequence[HeldOut], alpha: float = ALPHA) -> float:
    """The largest risk to accept so that no more than ``alpha`` of new cases are harmed.

    Conformal risk control (Angelopoulos et al., ICLR 2024): the largest threshold up to which, at each, the
    harmed share R among n held-out cases meets (n R + 1) / (n + 1) <= alpha. 0 where none does.
    """
    grid = np.linspace(0.0, 0.5, 101)
    count, chosen = len(held), 0.0
    for threshold in grid:
        harmed = sum(h.change(threshold) < -estimate.HARM for h in held)
        if (harmed + 1) / (count + 1) > alpha:
            break
        chosen = float(threshold)
    return chosen


def intervals(held: Sequence[HeldOut]) -> tuple[list[float], list[float]]:
    """How far Dice lies below and above its estimate, at the knots, in 9 of 10 held-out masks."""
    pairs = np.array(
        [(h.level[n, r], row.dice) for h in held for n, rs in h.case.masks.items() for r, row in rs.items()]
    )
    below, above = [], []
    for knot in KNOTS:
        near = pairs[np.argsort(abs(pairs[:, 0] - knot))][
            : max(30, int((abs(pairs[:, 0] - knot) < _NEAR).sum()))
        ]
        errors = near[:, 1] - near[:, 0]
        tail = (1 - _WITHIN) / 2
        below.append(float(max(-np.quantile(errors, tail, method="lower"), 0.02)))
        above.append(float(max(np.quantile(errors, 1 - tail, method="higher"), 0.02)))
    return below, above


def finished(cases: Sequence[CaseRows], held: Sequence[HeldOut]) -> Estimator:
    """Fitted on all cases, with the intervals and the threshold that the held-out ones give."""
    below, above = intervals(held)
    return replace(
        fit(cases),
        below=below,
        above=above,
        accepted_harm=risk_controlled(held),
    )
