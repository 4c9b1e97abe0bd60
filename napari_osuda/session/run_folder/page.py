"""What the page of a run says, of one that has just ended or of one that was reviewed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from napari_osuda.imaging import channel_caption
from napari_osuda.session.guard.wording import reasons_in_words
from napari_osuda.session.job import CaseResult, RunResult
from napari_osuda.session.report.content import Curves, ReportCase, ReportInput, shown_first
from napari_osuda.session.run_folder.documents import plain
from napari_osuda.session.run_folder.record import RunRecord

__all__ = ["report_input", "report_of"]


def report_of(
    record: RunRecord,
    cases: Sequence[ReportCase],
    curves: Curves,
    *,
    reviewed: bool = False,
    notes: Sequence[str] = (),
) -> ReportInput:
    """Gather what the page of a run says.

    Parameters
    ----------
    record : RunRecord
        ``run.json``.
    cases : sequence of ReportCase
    curves : Curves
    reviewed : bool
        Whether the page is that of a review, which its title says.
    notes : sequence of str
        To those of the record.
    """
    card, advice = record.model.card, record.recommendation
    title = f"{card.name}, adapted by {record.method}"
    return ReportInput(
        title=f"{title}, reviewed" if reviewed else title,
        outcome=record.outcome,
        recommendation=None if advice is None else advice.decision,
        reasons=() if advice is None else advice.reasons,
        cases=cases,
        labels=card.labels,
        colors=card.colours,
        regions=card.regions,
        plane=card.plane,
        curves=curves,
        settings={"method": record.method, "device": record.device, **record.config},
        provenance=_provenance(record),
        notes=(*record.notes, *([record.error] if record.error else []), *notes),
        removed=0 if advice is None else advice.removed,
    )


def report_input(result: RunResult, record: RunRecord, steps: Sequence[Mapping[str, Any]]) -> ReportInput:
    """Gather what the page says of a result, its record (``run.json``) and its rows of ``steps.csv``."""
    return report_of(record, [_case(case) for case in result.cases], _curves(result, steps))


def _curves(result: RunResult, steps: Sequence[Mapping[str, Any]]) -> Curves:
    if not result.reports:
        return Curves(steps)
    return Curves(
        steps,
        distance=np.stack([report.distance for report in result.reports]),
        alpha=np.stack([report.alpha for report in result.reports]),
        layer_names=[layer.name for layer in result.layers],
        layer_offsets=[0, *(layer.offset + layer.channels for layer in result.layers)],
    )


def _case(result: CaseResult) -> ReportCase:
    case, advice = result.case, result.recommendation
    shown = shown_first(case.channels)
    return ReportCase(
        name=case.name,
        image=case.data[shown],
        image_name=channel_caption(case.channels[shown], case.sources[shown].name),
        before=result.before,
        after=result.after,
        affine=case.grid.affine,
        scores_before=result.scores_before or None,
        scores_after=result.scores_after or None,
        calibration_before=result.calibration_before,
        calibration_after=result.calibration_after,
        decision=None if advice is None else advice.decision,
        reasons=reasons_in_words(advice),
        removed=0 if advice is None else advice.removed,
    )


def _provenance(record: RunRecord) -> dict[str, Any]:
    """Versions, model and inputs of a run."""
    return {
        "version": record.version,
        "started": record.started,
        "ended": record.ended,
        "libraries": record.libraries,
        "model": {"path": record.model.path, "sha256": record.model.sha256},
        "inputs": [{"case": c.name, **plain(i.model_dump())} for c in record.cases for i in c.inputs],
    }
