"""A run's result as its report's input."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_osuda.imaging import seen_as
from napari_osuda.session.guard.wording import said
from napari_osuda.session.job import RunResult
from napari_osuda.session.report.content import ReportCase, ReportInput
from napari_osuda.session.run_folder.documents import plain
from napari_osuda.session.run_folder.record import RunRecord

__all__ = ["provenance_of", "report_input"]

# The contrast that shows a glioma best, where there are several to choose from.
_SHOWN_FIRST = ("flair", "t2", "t1ce", "t1")


def report_input(result: RunResult, record: RunRecord, steps: list[dict[str, Any]]) -> ReportInput:
    """Gather what the page shows from a result, its record (``run.json``) and its rows of ``steps.csv``."""
    card, advice = result.job.model.card, result.recommendation
    channels = sum(layer.channels for layer in result.layers)
    none = np.zeros((0, channels), np.float32)
    cases = []
    for case in result.cases:
        names = case.case.channels
        shown = next((c for c in _SHOWN_FIRST if c in names), names[0])
        source = case.case.sources[names.index(shown)]
        cases.append(
            ReportCase(
                name=case.case.name,
                image=case.case.data[names.index(shown)],
                image_name=seen_as(shown, source.name),
                before=case.before,
                after=case.after,
                affine=case.case.grid.affine,
                scores_before=case.scores_before or None,
                scores_after=case.scores_after or None,
                calibration_before=case.calibration_before,
                calibration_after=case.calibration_after,
                decision=None if case.recommendation is None else case.recommendation.decision,
                reasons=said(case.recommendation),
            )
        )
    return ReportInput(
        title=f"{card.name}, adapted by {result.job.method}",
        outcome=result.outcome,
        recommendation=None if advice is None else advice.decision,
        reasons=said(advice),
        cases=cases,
        labels=card.labels,
        colors=card.colours,
        regions=card.regions,
        plane=card.plane,
        steps=steps,
        distance=np.stack([r.distance for r in result.reports]) if result.reports else none,
        alpha=np.stack([r.alpha for r in result.reports]) if result.reports else none,
        layer_names=[layer.name for layer in result.layers],
        layer_offsets=[0, *(layer.offset + layer.channels for layer in result.layers)],
        settings={"method": result.job.method, "device": result.device, **record.config},
        provenance=provenance_of(record),
        notes=(*record.notes, *([result.error] if result.error else [])),
    )


def provenance_of(record: RunRecord) -> dict[str, Any]:
    """Versions, model and inputs of a run, as its page shows them."""
    return {
        "version": record.version,
        "started": record.started,
        "ended": record.ended,
        "libraries": record.libraries,
        "model": {"path": record.model.path, "sha256": record.model.sha256},
        "inputs": [{"case": c.name, **plain(i.model_dump())} for c in record.cases for i in c.inputs],
    }
