"""What ``run.json`` says of a run that has ended, and what an adapted model says of it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from pathlib import Path
from typing import Any

from napari_osuda.imaging import Case, modality_of, name_with_contrast
from napari_osuda.session.guard.wording import advice_record
from napari_osuda.session.job import CaseResult, RunResult
from napari_osuda.session.run_folder.documents import plain
from napari_osuda.session.run_folder.record import InputRecord, RunRecord
from napari_osuda.version import __version__

__all__ = ["provenance", "run_record"]

_LIBRARIES = ("torch", "numpy", "nibabel", "scipy", "napari", "monai")


def run_record(result: RunResult) -> RunRecord:
    """What ``run.json`` says of a run."""
    job = result.job
    done = len(result.reports)
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
        "notes": [note.text for note in result.notes],
        "note_kinds": [note.kind for note in result.notes],
        "iterations_done": done,
        "iteration_used": done if result.iteration is None else result.iteration,
        "iteration_reason": result.iteration_reason,
        "recommendation": advice_record(result.recommendation),
        "model": {
            "path": job.model.path,
            "sha256": job.model.sha256,
            "form": job.model.form,
            "notes": job.model.notes,
            "card": job.model.card.model_dump(mode="json"),
        },
        "cases": [_case(case) for case in result.cases],
        "libraries": {"python": platform.python_version(), **_versions()},
    }
    return RunRecord.model_validate(plain(record))


def _case(case: CaseResult) -> dict[str, Any]:
    return {
        "name": case.case.name,
        "inputs": _inputs(case.case),
        "preparation": vars(case.case.preparation) | {"brain_share": case.case.brain_share},
        "recommendation": advice_record(case.recommendation),
        "scores_before": {s.region: vars(s) for s in case.scores_before},
        "scores_after": {s.region: vars(s) for s in case.scores_after},
        "calibration_before": None if case.calibration_before is None else vars(case.calibration_before),
        "calibration_after": None if case.calibration_after is None else vars(case.calibration_after),
    }


def _inputs(case: Case) -> list[dict[str, Any]]:
    return [
        {
            "channel": source.channel,
            "title": source.title or None,
            "path": source.path,
            "sha256": source.sha256,
            "shape": source.shape,
            "affine": source.affine,
            "resampled": source.resampled,
            "covered": source.covered,
        }
        for source in case.sources
    ]


def _run_id(result: RunResult) -> str:
    put_in = [result.started, result.job.model.sha256]
    put_in += [str(source.sha256) for case in result.job.cases for source in case.sources]
    return hashlib.sha256("\n".join(put_in).encode()).hexdigest()[:16]


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def provenance(record: RunRecord) -> dict[str, Any]:
    """What an adapted model tells of the run that it came from."""
    return {
        "run_id": record.run_id,
        "method": record.method,
        "settings": record.config,
        "iterations_done": record.iteration_used,
        "source_sha256": record.model.sha256,
        "napari_osuda": record.version,
        "ended": record.ended,
        "target": [
            {
                "case": case.name,
                "inputs": [i.sha256 for i in case.inputs],
                "contrasts": [_contrast(i) for i in case.inputs],
            }
            for case in record.cases
        ],
    }


def _contrast(image: InputRecord) -> str | None:
    """What the name of an image says of its contrast."""
    return modality_of(name_with_contrast(image.title or "", Path(image.path).name if image.path else ""))
