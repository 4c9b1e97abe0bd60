"""The report on paper: plain tables and pictures, which a text engine without a browser can print."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_osuda.models.card_defaults import color_of
from napari_osuda.session.guard.wording import headline
from napari_osuda.session.report.content import ReportCase, ReportInput
from napari_osuda.session.report.html import Markup, join, number, tag
from napari_osuda.session.report.pictures import SlicePicture, data_uri, overlay, slice_pictures
from napari_osuda.session.report.removed import removed_table
from napari_osuda.session.report.tables import details_of, score_table, volume_table
from napari_osuda.session.report.words import NOT_A_DEVICE, OUTCOMES, mask_names

__all__ = ["paper"]

_SLICES = 4
# The most that a picture is wide and high, in the text engine's pixels; three beside each other fit a page.
_WIDTH = _HEIGHT = 140
# Pictures are drawn this much finer than the voxels, as overlays are.
_FINER = 4


def paper(report: ReportInput) -> str:
    """The report as HTML 4 without scripts, drawings or layout: verdict, cases, settings, provenance.

    The curves of the adaptation are left to ``report.html``.
    """
    style = Path(__file__).with_name("paper.css").read_text(encoding="utf-8")
    body = tag(
        "body",
        tag("h1", report.title),
        tag("p", NOT_A_DEVICE, class_="soft"),
        _recommendation(report),
        *(_case(case, report) for case in report.cases),
        tag("h2", "Settings"),
        details_of(report.settings, "Of the adaptation"),
        tag("h2", "Provenance"),
        details_of(report.provenance, "Of this run"),
    )
    return tag("html", tag("head", tag("style", Markup(style))), body)


def _recommendation(report: ReportInput) -> Markup:
    outcome = OUTCOMES.get(report.outcome, report.outcome)
    lines = [
        tag("h2", headline(report.recommendation, report.removed)),
        *(tag("p", reason) for reason in report.reasons),
        tag("p", outcome),
        *(tag("p", note) for note in report.notes),
    ]
    return join(lines)


def _case(case: ReportCase, report: ReportInput) -> Markup:
    names = mask_names(case.removed)
    pictures = slice_pictures(case.image, case.affine, case.masks, report.plane, _SLICES)
    scores = (
        score_table(case.scores_before, case.scores_after, case.scores_final, names)
        if case.scores_before or case.scores_after
        else None
    )
    of_many = len(report.cases) > 1
    review = {key: value for key, value in case.review.items() if not isinstance(value, list)}
    lists = {key: value for key, value in case.review.items() if isinstance(value, list)}
    return join(
        [
            tag("h2", f"Case {case.name}"),
            tag("p", headline(case.decision, case.removed)) if of_many and case.decision else None,
            details_of(review, "Review") if review else None,
            volume_table(case.masks, case.affine, report.labels, report.regions, names),
            removed_table(case, report.plane),
            scores,
            _legend(report),
            *(_row(picture, report.colors, names) for picture in pictures),
            *(details_of({key: value}, "") for key, value in lists.items()),
        ]
    )


def _legend(report: ReportInput) -> Markup:
    entries = [
        tag("span", "\N{BLACK SQUARE} ", style=f"color: {color_of(report.colors, value)}")
        + tag("span", f"{name}   ")
        for value, name in report.labels.items()
        if value != 0
    ]
    return tag("p", *map(Markup, entries))


def _row(picture: SlicePicture, colors: Mapping[int, str], called: Mapping[str, str]) -> Markup:
    rows, columns = picture.image.shape
    wide, high = columns * picture.pixel_mm[1], rows * picture.pixel_mm[0]
    finer = min(_WIDTH / wide, _HEIGHT / high)
    width, height = max(round(wide * finer), 1), max(round(high * finer), 1)
    cells, names = [], []
    for title, mask in picture.masks.items():
        drawn = data_uri(_on_image(picture.image, overlay(mask, colors)))
        cells.append(tag("td", tag("img", src=drawn, width=width, height=height)))
        names.append(tag("td", called[title]))
    left, right = picture.sides
    caption = f"{picture.title}. {left} is on the left, {right} on the right."
    changed = ""
    if {"before", "after"} <= set(picture.masks):
        count = np.count_nonzero(picture.masks["before"] != picture.masks["after"])
        changed = f" Voxels changed: {number(float(count), 0)}."
    return join([tag("p", caption + changed), tag("table", tag("tr", *cells), tag("tr", *names))])


def _on_image(image: NDArray[np.uint8], marks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Gray [h, w] under RGBA [4 h, 4 w], as RGB."""
    fine = image.repeat(_FINER, axis=0).repeat(_FINER, axis=1)[..., None].astype(np.float32)
    share = marks[..., 3:].astype(np.float32) / 255
    return np.rint(fine * (1 - share) + marks[..., :3] * share).astype(np.uint8)
