"""report.html of a run: one self-contained page that can be read, printed and sent by mail.

It is made of plain data, so that a run that has just ended and a finished run folder give the same page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_osuda.errors import cannot_write
from napari_osuda.evaluation import DIFFERENCE
from napari_osuda.files import written_whole
from napari_osuda.models.card_defaults import color_of
from napari_osuda.session.guard.wording import headline
from napari_osuda.session.report.charts import Curve, color_map, line_chart, map_chart
from napari_osuda.session.report.content import ReportCase, ReportInput
from napari_osuda.session.report.html import Markup, join, tag
from napari_osuda.session.report.pictures import slice_figures, slice_pictures
from napari_osuda.session.report.removed import removed_table
from napari_osuda.session.report.tables import (
    calibration_table,
    details_of,
    score_table,
    summary_table,
    volume_table,
)
from napari_osuda.session.report.words import (
    NO_CURVES,
    NOT_A_DEVICE,
    NUMBERS,
    OUTCOMES,
    REFERENCE_NOTE,
    SCALE,
    mask_names,
)

__all__ = ["render", "whole_page", "write_report"]

_TOTAL = "#7f7f7f"
# A page of many cases stays small enough for a mail.
_SLICES, _SLICES_OF_MANY, _MANY = 4, 2, 4


def write_report(path: Path | str, report: ReportInput) -> None:
    """Write the page, whole or not at all.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    path, page = Path(path), render(report)
    try:
        with written_whole(path) as partial:
            partial.write_text(page, encoding="utf-8")
    except OSError as error:
        raise cannot_write(f'The report "{path}"', error) from error


def render(report: ReportInput) -> str:
    """The page as text."""
    return whole_page(
        report.title,
        _outcome(report),
        *(_case_section(n, case, report) for n, case in enumerate(report.cases)),
        _summary_section(report),
        _adaptation_section(report),
        tag("section", tag("h2", "Settings"), details_of(report.settings, "Of the adaptation")),
        tag("section", tag("h2", "Provenance"), details_of(report.provenance, "Of this run")),
    )


def whole_page(title: str, *sections: Markup | None) -> str:
    """A self-contained page of these sections, as text."""
    # The browser itself then refuses whatever is not in the page: no script, no address but data.
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Markup(style)),
    )
    body = tag(
        "body",
        tag("header", tag("h1", title), tag("p", NOT_A_DEVICE, class_="soft")),
        tag("main", *sections),
        tag("footer", tag("p", NOT_A_DEVICE)),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _outcome(report: ReportInput) -> Markup:
    outcome = OUTCOMES.get(report.outcome, report.outcome)
    notes = (tag("p", note) for note in report.notes)
    return join(
        [_recommendation(report.recommendation, report.removed, report.reasons), tag("p", outcome), *notes]
    )


def _recommendation(decision: str | None, removed: int, reasons: Sequence[str]) -> Markup:
    said = headline(decision, removed)
    listed = tag("ul", *(tag("li", reason) for reason in reasons)) if reasons else None
    return tag("div", tag("strong", said), listed, class_=f"verdict {decision or ''}".strip())


def _case_section(n: int, case: ReportCase, report: ReportInput) -> Markup:
    count = _SLICES if len(report.cases) <= _MANY else _SLICES_OF_MANY
    pictures = slice_pictures(case.image, case.affine, case.masks, report.plane, count)
    of_many = len(report.cases) > 1
    own = _recommendation(case.decision, case.removed, case.reasons) if case.decision and of_many else None
    names = mask_names(case.removed)
    scores = None
    if case.scores_before or case.scores_after:
        note = tag("p", REFERENCE_NOTE, class_="soft")
        sure = calibration_table({"before": case.calibration_before, "after": case.calibration_after}, names)
        scores = join(
            [score_table(case.scores_before, case.scores_after, case.scores_final, names), sure, note]
        )
    return tag(
        "section",
        tag("h2", f"Case {case.name}"),
        own,
        tag("h3", _pictures_title(case)),
        _legend(report, compared=case.after is not None),
        slice_figures(f"case{n}", pictures, report.colors, case.image_name, names),
        volume_table(case.masks, case.affine, report.labels, report.regions, names),
        removed_table(case, report.plane),
        details_of(case.review, "Review") if case.review else None,
        scores,
    )


def _pictures_title(case: ReportCase) -> str:
    if case.after is None:
        return "The original mask (there is no adapted mask)"
    if not np.any(case.before != case.after):
        return "The two masks are the same in every voxel"
    return "Slices that changed most"


def _legend(report: ReportInput, compared: bool) -> Markup:
    entries = [(name, color_of(report.colors, value)) for value, name in report.labels.items() if value != 0]
    if compared:
        entries += [(name, color) for name, color in DIFFERENCE.values()]
    chips = (
        tag("span", tag("span", class_="chip", style=f"background:{color}"), name) for name, color in entries
    )
    bar = tag("span", SCALE, class_="soft")
    return tag("div", *chips, bar, class_="legend")


def _summary_section(report: ReportInput) -> Markup | None:
    scored = [case for case in report.cases if case.scores_before and case.scores_after]
    if len(scored) < 2:
        return None
    before = {case.name: case.scores_before or () for case in scored}
    after = {case.name: case.scores_after or () for case in scored}
    return tag("section", tag("h2", "All cases"), summary_table(before, after, mask_names(report.removed)))


def _adaptation_section(report: ReportInput) -> Markup:
    title = tag("h2", "Adaptation")
    if not report.curves.steps:
        return tag("section", title, tag("p", NO_CURVES))
    t = [float(row["t"]) for row in report.curves.steps]

    def column(name: str) -> list[float]:
        return [_number(row.get(name)) for row in report.curves.steps]

    lam, entropy = column("lambda"), column("l_se")
    weighted = [weight * value for weight, value in zip(lam, entropy, strict=True)]
    losses = (
        Curve("L_HBS", column("l_hbs"), "#0072b2"),
        Curve("\N{GREEK SMALL LETTER LAMDA} L_SE", weighted, "#d55e00"),
        Curve("total", column("loss"), _TOTAL),
    )
    schedules = (
        ("\N{GREEK SMALL LETTER ETA}, share of the source in the statistics", column("eta"), "#009e73"),
        ("\N{GREEK SMALL LETTER LAMDA}, the weight of the entropy", lam, "#d55e00"),
    )
    charts = [
        line_chart("Losses: L_HBS, \N{GREEK SMALL LETTER LAMDA} L_SE, and their sum", losses, t),
        line_chart("Share of the batch's pixels in each class", _fractions(report, column), t),
        tag(
            "div",
            *(line_chart(name, [Curve(name, v, color)], t, height=140) for name, v, color in schedules),
        ),
    ]
    maps = []
    if np.size(report.curves.distance) and len(report.curves.layer_names):
        charts.append(_layer_chart(report, t))
        maps = [
            map_chart(name, values, report.curves.layer_offsets, report.curves.layer_names, t)
            for name, values in (
                (
                    "Distance d of each channel between target and source (eq. 5)",
                    report.curves.distance,
                ),
                ("Transferability \N{GREEK SMALL LETTER ALPHA} of each channel", report.curves.alpha),
            )
        ]
    numbers = tag("p", NUMBERS, class_="soft")
    return tag(
        "section", title, numbers, tag("div", *charts, class_="charts"), tag("div", *maps, class_="charts")
    )


def _fractions(report: ReportInput, column: Callable[[str], list[float]]) -> list[Curve]:
    """Foreground classes of steps.csv; the background is the rest, and would flatten them."""
    shown = ((value, name) for value, name in report.labels.items() if value != 0)
    return [Curve(name, column(f"fraction_{value}"), color_of(report.colors, value)) for value, name in shown]


def _layer_chart(report: ReportInput, t: Sequence[float]) -> Markup:
    offsets, layers = report.curves.layer_offsets, len(report.curves.layer_names)
    # The middle of the map: its ends are too dark or too bright for a line on one of the two themes.
    colors = color_map(np.linspace(0.3, 0.85, layers))
    curves = [
        Curve(
            name,
            np.asarray(report.curves.distance)[:, offsets[k] : offsets[k + 1]].mean(axis=1).tolist(),
            "#" + bytes(colors[k]).hex(),
        )
        for k, name in enumerate(report.curves.layer_names)
    ]
    title = "Mean distance d of each layer (first layers blue, last layers green)"
    return line_chart(title, curves, t, legend=False)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
