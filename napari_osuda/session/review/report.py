"""report.html of a reviewed run, made again from the run folder: with the final masks and the decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from napari_osuda.errors import CaseError
from napari_osuda.evaluation import RegionScore
from napari_osuda.imaging import channel_caption, name_with_contrast
from napari_osuda.session.report.content import Curves, ReportCase, ReportInput, shown_first
from napari_osuda.session.report.page import write_report
from napari_osuda.session.review.log import PLANES, in_force
from napari_osuda.session.review.review import Review
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.session.review.slices import slice_table, viewer_slice
from napari_osuda.session.review.wording import (
    decision_words,
    slice_list,
    undecided_words,
    use_words,
    warning_words,
)
from napari_osuda.session.run_folder.page import report_of
from napari_osuda.session.run_folder.steps import read_curves

__all__ = ["review_report", "review_summary", "write_review_report"]


def write_review_report(run: ReviewRun) -> Path:
    """Write the page of a run with what was decided on its cases.

    Returns
    -------
    Path
        ``report.html`` in the run folder.

    Raises
    ------
    OutputError, CaseError
        It cannot be written, or a mask of the run cannot be read any more.
    """
    assert run.folder is not None
    page = run.folder / "report.html"
    write_report(page, review_report(run))
    return page


def review_report(run: ReviewRun) -> ReportInput:
    """All that the report of a reviewed run says.

    Raises
    ------
    CaseError
        A mask of the run cannot be read any more.
    """
    assert run.folder is not None
    cases, notes = [], []
    for name in run.names:
        case, missing = _report_case(run, name)
        cases.append(case)
        notes += missing
    try:
        curves = read_curves(run.folder)
    except CaseError as error:
        curves = Curves(())
        notes.append(f"{error} The page has no curves.")
    return report_of(run.run, cases, curves, reviewed=True, notes=notes)


def review_summary(run: ReviewRun, name: str) -> dict[str, Any]:
    """What was decided on a case: who, how far, and each slice with a decision or a flag."""
    review = run.review(name)
    saved = run.record.saved(name) or {}
    progress = {plane: review.progress(plane) for plane in PLANES}
    flag = review.volume_flag
    files = {"final mask": "file", "SHA-256 of it": "sha256",
             "as DICOM-SEG": "dicom_seg", "SHA-256 of that": "dicom_seg_sha256"}  # fmt: skip
    decisions, tools = _decisions(review), _tools(review)
    return {
        "reviewer": saved.get("who") or "nobody has signed yet",
        **({"signed": _when(saved["when"])} if "when" in saved else {}),
        **{title: saved[key] for title, key in files.items() if key in saved},
        **{f"{plane} slices decided": f"{done} of {total}" for plane, (done, total) in progress.items()},
        "undecided slices hold": undecided_words(review.case),
        "flag on the case": "none" if flag is None else flag.comment or "flagged without a comment",
        **({"decisions": decisions} if decisions else {}),
        **({"tools used": tools} if tools else {}),
    }


def _when(text: str) -> str:
    """Time of an entry as a person writes it; what is no time stays as it is."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return text


def _decisions(review: Review) -> list[dict[str, Any]]:
    rows = []
    for plane in PLANES:
        table = slice_table(review.case, plane)
        wanted = review.to_decide(plane)
        # A plane in which nobody decided anything by itself would only repeat the other's decisions.
        own = any(entry.plane == plane for entry in review.log)
        whole = plane == review.case.plane and any(entry.plane is None for entry in review.log)
        for index in wanted if own or whole else ():
            chosen, flag = review.choice(plane, index), review.flag(plane, index)
            rows.append(
                {
                    "plane": plane,
                    "slice": viewer_slice(review.case, plane, index),
                    "at, mm": float(round(table.position_mm[index], 1)),
                    "changed voxels": int(table.change.changed[index]),
                    **(
                        {}
                        if table.uncertainty is None
                        else {"uncertainty": f"{table.uncertainty[index]:.2f}"}
                    ),
                    "decision": decision_words(chosen, review.case.names),
                    "flag": "" if flag is None else flag.comment or "flagged",
                    "check": warning_words(table.warnings[index], review.case.names),
                    "by": "" if chosen is None else chosen.who,
                    "when": "" if chosen is None else _when(chosen.when),
                }
            )
    return rows


def _tools(review: Review) -> list[dict[str, Any]]:
    """Each use of a tool that holds, in the order in which they were used."""
    rows = []
    for entry in (review.log[index] for index in in_force(review.log)[0]):
        if entry.use is None or entry.plane is None:
            continue
        steps = [viewer_slice(review.case, entry.plane, index) for index in entry.slices]
        rows.append(
            {
                "tool": use_words(entry.use, review.case.labels),
                "plane": entry.plane,
                "slices": slice_list(steps),
                "by": entry.who,
                "when": _when(entry.when),
            }
        )
    return rows


def _report_case(run: ReviewRun, name: str) -> tuple[ReportCase, list[str]]:
    review = run.review(name)
    case = review.case
    images, missing = run.images(name)
    if images:
        shown = images[shown_first([image.channel for image in images])]
        image, title = (
            shown.data,
            channel_caption(shown.channel, name_with_contrast(shown.title, shown.path.name)),
        )
    else:
        image, title = np.zeros(case.grid.shape, np.float32), "no image"
    scores: Mapping[str, Sequence[RegionScore]] = run.scores(name) or _recorded_scores(run, name)
    return (
        ReportCase(
            name=name,
            image=image,
            image_name=title,
            before=case.before,
            after=case.after,
            final=review.final,
            affine=case.grid.affine,
            scores_before=scores.get("before"),
            scores_after=scores.get("after"),
            scores_final=scores.get("final"),
            calibration_before=run.run.case(name).calibration_before,
            calibration_after=run.run.case(name).calibration_after,
            decision=case.decision,
            reasons=case.reasons,
            review=review_summary(run, name),
            removed=case.removed,
        ),
        missing,
    )


def _recorded_scores(run: ReviewRun, name: str) -> dict[str, list[RegionScore]]:
    """The scores that the run itself wrote down, where its reference is not at hand."""
    entry = run.run.case(name)
    return {"before": [*entry.scores_before.values()], "after": [*entry.scores_after.values()]}
