"""Fit the guard's weights to the sweep's patients: ``python -m napari_osuda.benchmark.guard_fit``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_osuda.benchmark.sweep import sweep_rows
from napari_osuda.session.guard_score import FEATURES, features
from napari_osuda.session.guard_signals import Signals

__all__ = ["Fit", "fit_guard", "samples"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fit:
    """Weights, and how they do on patients that they were not fitted to.

    Attributes
    ----------
    weights : dict of feature to float
    margin : float
    harmed : int
        Accepted cases more than 0.01 worse than the source's, each judged by a fit without its patient.
    worst : float
        The worst guarded change.
    kept : float
        Share of the oracle's gain.
    """

    weights: dict[str, float]
    margin: float
    harmed: int
    worst: float
    kept: float


def samples(rows: Sequence[dict[str, str]]) -> tuple[Floats, Floats, list[str]]:
    """Features [n, F], change of Dice [n] and patient of each row of the sweep."""
    names = Signals.__dataclass_fields__
    x, y, who = [], [], []
    for row in rows:
        before, after = (
            Signals(**{name: float(row[f"{name}_{when}"]) for name in names}) for when in ("before", "after")
        )
        found = features(before, after, float(row["agreement"]))
        x.append([found[name] for name in FEATURES])
        y.append(float(row["dice_after"]) - float(row["dice_before"]))
        who.append(row["patient"])
    return np.array(x), np.array(y), who


def fit_guard(x: Floats, y: Floats, who: Sequence[str], ridge: float, margin: float) -> Fit:
    """Ridge regression of the change of Dice on the features, and its trial by leaving each patient out.

    Parameters
    ----------
    x : array [n, F]
    y : array [n]
        Clipped to +-0.3: how large a large change is, is of no account.
    who : sequence of n str
        Patients.
    ridge, margin : float
    """
    patients = np.array(who)
    expected = np.empty(len(y))
    for patient in np.unique(patients):
        out = patients == patient
        expected[out] = x[out] @ _ridge(x[~out], y[~out], ridge)
    guarded = np.where(expected > margin, y, 0.0)
    weights = dict(zip(FEATURES, _ridge(x, y, ridge).tolist(), strict=True))
    return Fit(
        weights,
        margin,
        int((guarded < -0.01).sum()),
        float(guarded.min()),
        float(guarded.sum() / max(np.maximum(y, 0).sum(), 1e-9)),
    )


def _ridge(x: Floats, y: Floats, ridge: float) -> Floats:
    scale = x.std(axis=0)
    # The constant has no spread, and is not held back.
    scale[scale == 0] = 1.0
    z = x / scale
    hold = np.diag(np.where(x.std(axis=0) == 0, 0.0, ridge * len(y)))
    solved: Floats = np.linalg.solve(z.T @ z + hold, z.T @ np.clip(y, -0.3, 0.3)) / scale
    return solved


def main(argv: Sequence[str] | None = None) -> int:
    """Print weights for a range of margins, as ``guard_score`` holds them."""
    parser = argparse.ArgumentParser(prog="python -m napari_osuda.benchmark.guard_fit", description=__doc__)
    parser.add_argument("--sweep", type=Path, default=Path("docs/results/sweep.csv"))
    options = parser.parse_args(argv)
    x, y, who = samples(list(sweep_rows(options.sweep)))
    write = sys.stdout.write
    for ridge in (0.01, 0.1, 0.3):
        for margin in (0.0, 0.01, 0.02, 0.03, 0.05, 0.08):
            fit = fit_guard(x, y, who, ridge, margin)
            write(
                f"ridge {ridge:g}, margin {margin:g}: {fit.harmed} of {len(y)} harmed "
                f"({int((y < -0.01).sum())} without), worst {fit.worst:+.3f}, kept {fit.kept:.0%}\n"
            )
        write("\n".join(f"    {name!r}: {weight:.3f}," for name, weight in fit.weights.items()) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
