"""What the guard is worth on protocols that it was not fitted on, as a page."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_osuda.benchmark.guard.fit import ALPHA, KNOTS, HeldOut, intervals, risk_controlled
from napari_osuda.benchmark.tables import markdown_table
from napari_osuda.session.guard.estimate import (
    CHANGE_FEATURES,
    HARM,
    HARM_FEATURES,
    LEVEL_FEATURES,
    Estimator,
    interval,
)

__all__ = ["area_under_risk", "page", "thresholds"]

_EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def thresholds(held: Sequence[HeldOut]) -> dict[str, float]:
    """For each protocol the accepted risk that the cases of the other groups lead to."""
    groups = dict.fromkeys(h.case.group for h in held)
    accepted = {name: risk_controlled([h for h in held if h.case.group != name]) for name in groups}
    return {h.case.protocol: accepted[h.case.group] for h in held}


def area_under_risk(scores: Sequence[float], losses: Sequence[float]) -> float:
    """Area under the risk-coverage curve: mean loss of the k most trusted, mean over k.

    Geifman & El-Yaniv, Selective classification for deep neural networks, 2017.

    Parameters
    ----------
    scores : sequence of float
        The higher, the more trusted.
    losses : sequence of float
    """
    order = np.argsort(-np.asarray(scores), kind="stable")
    ordered = np.asarray(losses, float)[order]
    return float(np.mean(np.cumsum(ordered) / np.arange(1, len(ordered) + 1)))


def page(held: Sequence[HeldOut], estimator: Estimator) -> str:
    """The page, in Markdown."""
    by_protocol = thresholds(held)
    parts = [
        "# The guard on patients that took no part",
        "Each group of patients is judged by an estimator and a threshold that saw none of them. A group is "
        "an institution of the LGG data set, the skull-stripped gliomas, the simulated patients, or the "
        "hippocampi (judged by what saw tumors alone). A case is one run on one patient; its Dice is the "
        "mean over the regions. Candidates are the original mask, the target's statistics, the adapted model "
        "and an earlier iteration. A run with an intensity curve also has the original and the adapted model "
        "through the curve. The oracle takes the best of them by "
        f"the reference. Harmed: worse than the original mask by more than {HARM}.",
        _summary(held, by_protocol),
        "## By protocol",
        _by_protocol(held, by_protocol),
        "## Which masks are trusted",
        _trusted(held, by_protocol, estimator),
        "## Expected Dice",
        _calibration(held),
        "## Coefficients",
        _coefficients(estimator),
    ]
    return "\n\n".join(parts) + "\n"


def _changes(held: Sequence[HeldOut], by_protocol: dict[str, float]) -> NDArray[np.float64]:
    return np.array([h.change(by_protocol[h.case.protocol]) for h in held])


def _last(h: HeldOut) -> float:
    """Change of Dice where the last candidate of a run is always taken."""
    names = [n for n in ("curve-adapted", "adapted", "curve-statistics", "curve") if n in h.case.masks]
    return h.case.dice(names[0]) - h.case.dice("source")


def _oracle(h: HeldOut) -> float:
    return max(h.case.dice(name) for name in h.case.masks) - h.case.dice("source")


def _summary(held: Sequence[HeldOut], by_protocol: dict[str, float]) -> str:
    change, last, oracle = (
        _changes(held, by_protocol),
        np.array([_last(h) for h in held]),
        np.array([_oracle(h) for h in held]),
    )
    scores = [max((-h.harm[n] for n in h.gain), default=0.0) for h in held]
    best = [min(h.harm, key=lambda n: h.harm[n]) for h in held]
    losses = [float(h.case.dice(n) - h.case.dice("source") < -HARM) for h, n in zip(held, best, strict=True)]
    area = area_under_risk(scores, losses)
    return (
        f"{len(held)} cases. Harmed: **{np.mean(change < -HARM):.1%}** with the guard (worst "
        f"{change.min():+.3f}), {np.mean(last < -HARM):.1%} without it. Mean change of Dice: "
        f"**{change.mean():+.3f}** with the guard, {last.mean():+.3f} without it, {oracle.mean():+.3f} of "
        f"the oracle: **{change.sum() / oracle.sum():.0%}** of its gain is kept. Area under the curve of "
        f"harm over coverage: {area:.3f} (in a random order {np.mean(losses):.3f}). Promised by conformal "
        f"risk control: no more than {ALPHA:.0%} harmed."
    )


def _by_protocol(held: Sequence[HeldOut], by_protocol: dict[str, float]) -> str:
    lines = []
    for name in by_protocol:
        group = [h for h in held if h.case.protocol == name]
        change = _changes(group, by_protocol)
        last, oracle = np.array([_last(h) for h in group]), np.array([_oracle(h) for h in group])
        source = float(np.mean([h.case.dice("source") for h in group]))
        lines.append(
            [
                name,
                str(len(group)),
                f"{source:.3f}",
                f"{source + last.mean():.3f}",
                f"{source + change.mean():.3f}",
                f"{source + oracle.mean():.3f}",
                f"{int((last < -HARM).sum())}",
                f"{int((change < -HARM).sum())}",
                f"{change.min():+.3f}",
            ]
        )
    header = (
        "protocol",
        "cases",
        "source",
        "adapted",
        "guarded",
        "oracle",
        "harmed without",
        "harmed",
        "worst",
    )
    return markdown_table(header, lines)


def _trusted(held: Sequence[HeldOut], by_protocol: dict[str, float], estimator: Estimator) -> str:
    """How good the masks are that the guard recommends, and those that it does not."""
    groups: dict[str, list[float]] = {"recommended": [], "neither": []}
    for h in held:
        chosen = h.chosen(by_protocol[h.case.protocol])
        useless = h.level[chosen, next(iter(h.case.masks[chosen]))] < estimator.useless
        groups["neither" if useless else "recommended"].append(h.case.dice(chosen))
    lines = [
        [
            name,
            str(len(dice)),
            f"{np.mean(dice):.3f}" if dice else "-",
            str(sum(d < 0.3 for d in dice)),
            str(sum(d >= 0.5 for d in dice)),
        ]
        for name, dice in groups.items()
    ]
    return markdown_table(("", "cases", "mean Dice", "below 0.3", "0.5 and above"), lines)


def _calibration(held: Sequence[HeldOut]) -> str:
    """Expected against true Dice, with intervals that other protocols gave."""
    estimates = []
    for name in dict.fromkeys(h.case.group for h in held):
        below, above = intervals([h for h in held if h.case.group != name])
        for h in held:
            if h.case.group == name:
                estimates += [
                    (*_estimate(h, mask, region, below, above), row.dice)
                    for mask, regions in h.case.masks.items()
                    for region, row in regions.items()
                ]
    table = np.array(estimates)
    lines = []
    for low, high in itertools.pairwise(_EDGES):
        group = table[(table[:, 0] >= low) & ((table[:, 0] < high) | (high == 1.0))]
        if len(group):
            inside = (group[:, 3] >= group[:, 1]) & (group[:, 3] <= group[:, 2])
            lines.append(
                [
                    f"{low:.1f} to {high:.1f}",
                    str(len(group)),
                    f"{group[:, 0].mean():.2f}",
                    f"{group[:, 3].mean():.2f}",
                    f"{abs(group[:, 3] - group[:, 0]).mean():.2f}",
                    f"{inside.mean():.0%}",
                ]
            )
    error = table[:, 3] - table[:, 0]
    explained = 1 - float(np.mean(error**2)) / float(np.var(table[:, 3]))
    header = ("expected", "masks", "mean expected", "mean true", "mean error", "in the interval")
    return (
        f"Of {len(table)} masks of regions: mean error {abs(error).mean():.2f}, explained variance "
        f"{explained:.0%}. The intervals are meant for 9 of 10.\n\n{markdown_table(header, lines)}"
    )


def _estimate(
    h: HeldOut, mask: str, region: str, below: Sequence[float], above: Sequence[float]
) -> tuple[float, float, float]:
    level = h.level[mask, region]
    return level, *interval(level, KNOTS, below, above)


def _coefficients(estimator: Estimator) -> str:
    level = dict(zip(LEVEL_FEATURES, estimator.level.weights.tolist(), strict=True))
    change = dict(zip(CHANGE_FEATURES, estimator.change.weights.tolist(), strict=True))
    harm = dict(zip(HARM_FEATURES, estimator.harm.weights.tolist(), strict=True))
    lines = [
        [name, *(f"{side[name]:+.3f}" if name in side else "" for side in (level, change, harm))]
        for name in HARM_FEATURES
    ]
    return (
        "Of standardized figures; the change is in units of the disagreement with the original mask. "
        f"A mask is accepted where the chance of harm is at most {estimator.accepted_harm:.3f}; below an "
        f"expected Dice of {estimator.useless} none is trusted.\n\n"
        + markdown_table(("figure", "level", "change", "harm"), lines)
    )
