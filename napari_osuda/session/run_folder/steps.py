"""``steps.csv`` and ``channels.npz``: the figures of each iteration, written and read again."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from napari_osuda.errors import CaseError, printable
from napari_osuda.evaluation import write_rows
from napari_osuda.files import written_whole
from napari_osuda.method import NormLayer, StepReport
from napari_osuda.session.report.content import Curves
from napari_osuda.session.run_folder.arrays import read_arrays

__all__ = ["read_curves", "step_rows", "write_channels", "write_steps"]

_CURVES = ("t", "eta", "lambda", "l_hbs", "l_se", "loss", "mean_distance")


def step_rows(reports: Iterable[StepReport], values: Sequence[int]) -> list[dict[str, float | int]]:
    """A row an iteration, with the names of ``steps.csv``; ``values`` are the mask values of the classes."""
    return [
        {
            "t": r.t,
            "eta": r.eta,
            "lambda": r.lam,
            "l_hbs": r.l_hbs,
            "l_se": r.l_se,
            "loss": r.loss,
            "mean_distance": float(r.distance.mean()),
            "entropy_nats": r.l_se,
            **{f"fraction_{v}": float(f) for v, f in zip(values, r.class_fractions, strict=True)},
            "dead_channels": r.dead_channels,
            "seconds": r.seconds,
        }
        for r in reports
    ]


def write_steps(folder: Path, rows: Sequence[dict[str, float | int]]) -> None:
    """Write ``steps.csv``."""
    write_rows(folder / "steps.csv", rows)


def write_channels(folder: Path, reports: Sequence[StepReport], layers: Sequence[NormLayer]) -> None:
    """Write ``channels.npz``: what each channel of each BN layer did in each iteration."""
    with written_whole(folder / "channels.npz") as path, open(path, "wb") as stream:
        np.savez_compressed(
            stream,
            distance=np.stack([r.distance for r in reports]),
            alpha=np.stack([r.alpha for r in reports]),
            gamma_shift=np.stack([r.gamma_shift for r in reports]),
            beta_shift=np.stack([r.beta_shift for r in reports]),
            layer_names=np.array([layer.name for layer in layers]),
            layer_offsets=np.array([*(la.offset for la in layers), layers[-1].offset + layers[-1].channels]),
        )


def read_curves(folder: Path) -> Curves:
    """What the two files say; nothing where they are not there.

    Raises
    ------
    CaseError
        One of them is damaged.
    """
    steps: list[dict[str, float]] = []
    path = folder / "steps.csv"
    try:
        if path.is_file():
            with open(path, newline="", encoding="utf-8") as stream:
                steps = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(stream)]
            if any(name not in row for row in steps for name in _CURVES):
                raise ValueError("a column is missing")
        path = folder / "channels.npz"
        if not path.is_file():
            return Curves(steps)
        return _curves(steps, read_arrays(path))
    except (OSError, ValueError, TypeError, KeyError, IndexError, OverflowError, csv.Error) as error:
        raise CaseError(f"{path} is damaged ({printable(str(error))[:200]}).") from error


def _curves(steps: list[dict[str, float]], arrays: Mapping[str, np.ndarray]) -> Curves:
    distance, alpha = (arrays[name].astype(np.float32) for name in ("distance", "alpha"))
    names, offsets = arrays["layer_names"], arrays["layer_offsets"].astype(np.int64)
    layers = len(offsets) - 1
    if distance.ndim != 2 or distance.shape != alpha.shape or names.shape != (layers,):
        raise ValueError("its arrays do not belong together")
    if offsets[0] != 0 or offsets[-1] != distance.shape[1] or (np.diff(offsets) < 0).any():
        raise ValueError("its layers do not fill its channels")
    return Curves(steps, distance, alpha, [str(name) for name in names], offsets.tolist())
