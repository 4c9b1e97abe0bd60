"""What stands in `run.json` and `steps.csv`."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_osuda.evaluation import Calibration, RegionScore
from napari_osuda.method import StepReport
from napari_osuda.session.guard.wording import advice_record
from napari_osuda.session.job import RunResult
from napari_osuda.version import __version__


def plain(value: Any) -> Any:
    """``value`` as JSON knows it: tuples and arrays as lists, paths as texts, infinite numbers as texts."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set):
        return [plain(v) for v in value]
    if isinstance(value, float) and value - value != 0:
        return str(value)
    return str(value) if isinstance(value, Path) else value


_LIBRARIES = ("torch", "numpy", "nibabel", "scipy", "napari", "monai")


def step_rows(reports: Iterable[StepReport], values: tuple[int, ...]) -> list[dict[str, float | int]]:
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


def run_record(result: RunResult) -> dict[str, Any]:
    """What ``run.json`` says of a run."""
    job = result.job
    record = {
        "run_id": _run_id(result),
        "version": __version__,
        "method": job.method,
        "config": job.config.to_dict(),
        "seed": job.config.seed,
        "device": result.device,
        "threads": job.config.threads,
        "started": result.started,
        "ended": result.ended,
        "outcome": result.outcome,
        "error": result.error,
        "notes": result.notes,
        "iterations_done": len(result.reports),
        "iteration_used": len(result.reports) if result.iteration is None else result.iteration,
        "recommendation": advice_record(result.recommendation),
        "model": {
            "path": job.model.path,
            "sha256": job.model.sha256,
            "form": job.model.form,
            "notes": job.model.notes,
            "card": job.model.card.model_dump(mode="json"),
        },
        "cases": [
            {
                "name": c.case.name,
                "inputs": [
                    {
                        "channel": s.channel,
                        "title": s.title or None,
                        "path": s.path,
                        "sha256": s.sha256,
                        "shape": s.shape,
                        "affine": s.affine,
                    }
                    for s in c.case.sources
                ],
                "recommendation": advice_record(c.recommendation),
                "scores_before": _score_rows(c.scores_before),
                "scores_after": _score_rows(c.scores_after),
                "calibration_before": _calibration_row(c.calibration_before),
                "calibration_after": _calibration_row(c.calibration_after),
            }
            for c in result.cases
        ],
        "libraries": {"python": platform.python_version(), **_versions()},
    }
    record_plain: dict[str, Any] = plain(record)
    return record_plain


def _run_id(result: RunResult) -> str:
    """The same for the files of one run, and of no other: of what was put in, and when."""
    put_in = [result.started, result.job.model.sha256]
    put_in += [str(source.sha256) for case in result.job.cases for source in case.sources]
    return hashlib.sha256("\n".join(put_in).encode()).hexdigest()[:16]


def _score_rows(scores: Iterable[RegionScore]) -> dict[str, Any]:
    return {s.region: dataclasses.asdict(s) for s in scores}


def _calibration_row(calibration: Calibration | None) -> dict[str, Any] | None:
    return None if calibration is None else dataclasses.asdict(calibration)


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def provenance(record: dict[str, Any]) -> dict[str, Any]:
    """What an adapted model tells of the run that it came from."""
    return {
        "run_id": record["run_id"],
        "method": record["method"],
        "settings": record["config"],
        "iterations_done": record["iteration_used"],
        "source_sha256": record["model"]["sha256"],
        "napari_osuda": record["version"],
        "ended": record["ended"],
        "target": [
            {"case": c["name"], "inputs": [i["sha256"] for i in c["inputs"]]} for c in record["cases"]
        ],
    }
