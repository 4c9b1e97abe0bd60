"""``steps.csv`` and ``channels.npz``: the figures of each iteration."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from napari_osuda.evaluation import write_rows
from napari_osuda.files import written_whole
from napari_osuda.method import NormLayer, StepReport

__all__ = ["step_rows", "write_channels", "write_steps"]


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
