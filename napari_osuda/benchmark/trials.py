"""One method on one patient: the whole session, scored before, after and as the guard would have it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from napari_osuda.benchmark.patients import Patient
from napari_osuda.errors import OsudaError
from napari_osuda.method import AdaptationConfig
from napari_osuda.models import SourceModel
from napari_osuda.session import adapt_case
from napari_osuda.session.guard.wording import reasons_in_words

__all__ = ["TUMOR_REGIONS", "guarded", "number", "score_columns", "trial"]

TUMOR_REGIONS = ("WT", "TC", "ET")


def score_columns(regions: Sequence[str] = TUMOR_REGIONS) -> tuple[str, ...]:
    """What `trial` gives for a model of these regions, in this order.

    A Hausdorff distance that does not exist is "inf": a failure. ``reference_ml`` is the volume of a region
    in the reference: 0 where the patient has none of it. ``ece`` and ``brier`` are the calibration's
    (`Calibration`).
    """
    return (
        "outcome",
        "decision",
        *(
            f"{figure}_{when}_{region}"
            for region in regions
            for figure in ("dice", "hd95")
            for when in ("before", "after")
        ),
        *(f"reference_ml_{region}" for region in regions),
        *(f"{figure}_{when}" for figure in ("ece", "brier") for when in ("before", "after")),
        "iterations",
        "seconds",
        "reasons",
        "signals",
    )


def trial(
    model: SourceModel, patient: Patient, config: AdaptationConfig, method: str, device: str = "auto"
) -> dict[str, Any]:
    """Adapt to one patient and score the masks.

    Parameters
    ----------
    model : SourceModel
    patient : Patient
        Whose reference scores the masks, and decides nothing.
    config : AdaptationConfig
    method : str
        What the settings are called.
    device : {"auto", "cpu", "cuda", "mps"}

    Returns
    -------
    dict
        Some of `score_columns`. A run that fails has the outcome "failed: ..." and no scores after; the
        guard keeps the source's mask then.
    """
    began = time.perf_counter()
    row: dict[str, Any] = {"outcome": "done"}
    try:
        result = adapt_case(
            model, patient.case, config, method=method, references=[patient.reference], device=device
        )
    except OsudaError as error:
        return {"outcome": f"failed: {error}", "decision": "keep-source"}
    case = result.cases[0]
    for when, scores, calibration in (
        ("before", case.scores_before, case.calibration_before),
        ("after", case.scores_after, case.calibration_after),
    ):
        for score in scores:
            row[f"dice_{when}_{score.region}"] = score.dice
            row[f"hd95_{when}_{score.region}"] = score.hd95
            row[f"reference_ml_{score.region}"] = score.reference_ml
        if calibration is not None:
            row[f"ece_{when}"], row[f"brier_{when}"] = calibration.ece, calibration.brier
    if case.recommendation is not None:
        row["decision"] = case.recommendation.decision
        row["reasons"] = " ".join(reasons_in_words(case.recommendation))
        if case.recommendation.signals is not None:
            row["signals"] = json.dumps(_rounded(case.recommendation.signals), separators=(",", ":"))
    return row | {"iterations": len(result.reports), "seconds": time.perf_counter() - began}


def _rounded(signals: Any) -> Any:
    """Figures to five digits, which is more than the guard's thresholds have."""
    if isinstance(signals, Mapping):
        return {name: _rounded(value) for name, value in signals.items()}
    return float(f"{signals:.5g}") if isinstance(signals, float) else signals


def number(row: dict[str, str], column: str) -> float | None:
    """A figure of a row that was read back; None where it has none."""
    return float(row[column]) if row.get(column) else None


def guarded(row: dict[str, str], figure: str, region: str) -> float | None:
    """The figure of the mask that the guard leaves the user with; None where it was not asked."""
    if not row["decision"]:
        return None
    when = "after" if row["decision"] == "accept" else "before"
    return number(row, f"{figure}_{when}_{region}")


def present_regions(rows: Sequence[dict[str, str]]) -> list[str]:
    """Regions that the rows have scores of, in the order of the columns."""
    begin = "dice_before_"
    columns = dict.fromkeys(name for row in rows for name in row if name.startswith(begin))
    return [name.removeprefix(begin) for name in columns if any(row.get(name) for row in rows)]
