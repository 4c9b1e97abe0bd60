"""Tables of a report: volumes, scores, settings and provenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_osuda.evaluation import Calibration, RegionScore, summarize, volume_ml
from napari_osuda.session.report.html import Markup, join, number, table, tag
from napari_osuda.session.report.words import CALIBRATION, MASKS, SUMMARY

__all__ = ["calibration_table", "details_of", "score_table", "summary_table", "volume_table"]


def volume_table(
    masks: Mapping[str, NDArray[Any]],
    spacing: ArrayLike,
    labels: Mapping[int, str],
    regions: Mapping[str, Sequence[int]],
    names: Mapping[str, str] = MASKS,
) -> Markup:
    """Volumes in ml of each label and region in each mask; the change is from "before" to "after"."""
    wanted: dict[str, Sequence[int]] = {name: (value,) for value, name in labels.items() if value != 0}
    # A reviewer may have added labels that the model lacks.
    added = sorted({*np.unique(masks["final"]).tolist()} - {0, *labels}) if "final" in masks else []
    wanted |= {f"label {value}": (value,) for value in added}
    wanted |= {f"{name} (region)": values for name, values in regions.items()}
    compare = "before" in masks and "after" in masks
    size = np.asarray(spacing, np.float64)
    rows = []
    for name, values in wanted.items():
        ml = {title: volume_ml(np.isin(mask, list(values)), size) for title, mask in masks.items()}
        row = [name, *(number(ml[title]) for title in masks)]
        if compare:
            change = ml["after"] - ml["before"]
            row += [number(change, signed=True), _percent(change, ml["before"])]
        rows.append(row)
    header = ["", *(names[mask] for mask in masks), *(["change, ml", "change, %"] if compare else [])]
    return table("Volumes, ml", header, rows)


def _percent(change: float, before: float) -> str:
    return f"{number(100 * change / before, 0, signed=True)} %" if before > 0 else number(None)


def score_table(
    before: Sequence[RegionScore] | None,
    after: Sequence[RegionScore] | None,
    final: Sequence[RegionScore] | None = None,
    names: Mapping[str, str] = MASKS,
) -> Markup:
    """Scores of one case's masks against its reference."""
    rows = []
    named = {"before": before, "after": after, "final": final}
    by_mask = {mask: {s.region: s for s in scores} for mask, scores in named.items() if scores}
    for region in dict.fromkeys(region for scores in by_mask.values() for region in scores):
        for mask, scores in by_mask.items():
            if (score := scores.get(region)) is not None:
                rows.append((f"{region}, {names[mask]}", *_score_cells(score)))
    header = ["", "Dice", "HD95, mm", "HD, mm", "sensitivity", "precision", "mask, ml", "reference, ml"]
    return table("Against the reference", header, rows)


def _score_cells(score: RegionScore) -> Iterator[str]:
    yield number(score.dice, 3)
    missing = "none: one mask is empty" if score.failure else None
    yield missing or number(score.hd95)
    yield missing or number(score.hd)
    yield number(score.sensitivity, 3)
    yield number(score.precision, 3)
    yield number(score.prediction_ml)
    yield number(score.reference_ml)


def calibration_table(
    calibrations: Mapping[str, Calibration | None], names: Mapping[str, str] = MASKS
) -> Markup | None:
    """Calibration of each network's probabilities; None where it is not known."""
    rows = [
        (names[name], number(c.ece, 4), number(c.brier, 4), number(c.overconfidence, 4, signed=True))
        for name, c in calibrations.items()
        if c is not None
    ]
    if not rows:
        return None
    header = ["", "expected calibration error", "Brier score", "confidence minus accuracy"]
    return table(CALIBRATION, header, rows)


def summary_table(
    before: Mapping[str, Sequence[RegionScore]],
    after: Mapping[str, Sequence[RegionScore]],
    names: Mapping[str, str] = MASKS,
) -> Markup:
    """Means of all cases that have a reference."""
    by_mask = {
        mask: {row.region: row for row in summarize(scores)}
        for mask, scores in (("before", before), ("after", after))
    }
    rows = []
    for region in dict.fromkeys(region for summary in by_mask.values() for region in summary):
        for mask, summary in by_mask.items():
            if (row := summary.get(region)) is not None:
                dice = f"{number(row.dice_mean, 3)} \N{PLUS-MINUS SIGN} {number(row.dice_sd, 3)}"
                hd95 = f"{number(row.hd95_mean)} \N{PLUS-MINUS SIGN} {number(row.hd95_sd)}"
                rows.append((f"{region}, {names[mask]}", dice, hd95, str(row.failures), str(row.cases)))
    return table(SUMMARY, ["", "Dice", "HD95, mm, where both masks exist", "one mask empty", "cases"], rows)


def details_of(values: Mapping[str, Any], caption: str) -> Markup:
    """Any nested dict as tables: plain values in two columns, a list of dicts with a column a key."""
    plain, nested = [], []
    for key, value in values.items():
        title = str(key).replace("_", " ")
        if isinstance(value, Mapping) and value:
            nested.append(details_of(value, title))
        elif isinstance(value, list | tuple) and value and all(isinstance(v, Mapping) for v in value):
            columns = list(dict.fromkeys(column for row in value for column in row))
            header = [str(column).replace("_", " ") for column in columns]
            nested.append(table(title, header, ([_cell(row.get(c)) for c in columns] for row in value)))
        else:
            plain.append((title, _cell(value)))
    first = table(caption, ("", ""), plain) if plain else tag("h4", caption)
    return tag("div", first, join(nested), class_="details")


def _cell(value: Any) -> object:
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_cell(item)}" for key, item in value.items())
    if isinstance(value, np.ndarray):
        return _cell(value.tolist())
    if isinstance(value, list | tuple):
        return ", ".join(str(_cell(item)) for item in value)
    text = str(value)
    # A hash is one word of 64 letters: let it be read and copied, in the narrow face.
    return tag("code", text) if len(text) > 30 and " " not in text else text
