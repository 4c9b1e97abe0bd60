"""``report.html`` of a cohort: how many, what is recommended, what failed, and a row for each session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from urllib.parse import quote

from napari_osuda.session.cohort.rows import SessionRow
from napari_osuda.session.report.html import Markup, number, table, tag
from napari_osuda.session.report.page import whole_page
from napari_osuda.session.report.words import HEADLINES, contrast_words

__all__ = ["cohort_page"]

_STATES = {"done": "segmented", "failed": "failed", "open": "not begun"}


def cohort_page(title: str, rows: Sequence[SessionRow], regions: Sequence[str]) -> str:
    """The page as text.

    Parameters
    ----------
    title : str
    rows : sequence of SessionRow
        In the order in which they are to be shown.
    regions : sequence of str
        Whose volumes are told.
    """
    failed = [row for row in rows if row.state == "failed"]
    return whole_page(
        title,
        _counts(rows),
        _failures(failed) if failed else None,
        tag("section", tag("h2", "All sessions"), _sessions(rows, regions)),
    )


def _counts(rows: Sequence[SessionRow]) -> Markup:
    states = Counter(row.state for row in rows)
    decisions = Counter(row.kind for row in rows if row.state == "done")
    done = states["done"]
    said = f"{done} of {len(rows)} sessions are segmented"
    more = [f"{states[state]} {_STATES[state]}" for state in ("failed", "open") if states[state]]
    verdict = tag("div", tag("strong", "; ".join([said, *more]) + "."), class_="verdict")
    order = [key for key in HEADLINES if decisions[key]]
    counted = [
        (HEADLINES[key], str(decisions[key]), f"{number(100 * decisions[key] / done, 0)} %") for key in order
    ]
    return tag(
        "div",
        verdict,
        table("What is recommended", ("", "sessions", "of those segmented"), counted) if counted else None,
    )


def _failures(failed: Sequence[SessionRow]) -> Markup:
    rows = [(row.session.name, row.error or "no reason is known") for row in failed]
    again = tag("p", "They are tried again when all are started again.", class_="soft")
    return tag("section", tag("h2", "Failed"), table("What failed, and why", ("", "reason"), rows), again)


def _sessions(rows: Sequence[SessionRow], regions: Sequence[str]) -> Markup:
    header = ["", "state", "recommendation", "expected Dice, original", "expected Dice, adapted"]
    others = any(row.case is not None and row.case.substituted for row in rows)
    header += ["contrast"] if others else []
    for region in regions:
        header += [f"{region}, original, ml", f"{region}, adapted, ml"]
    return table(
        "Each session; its name leads to its own report",
        header,
        (_cells(row, regions, others) for row in rows),
    )


def _cells(row: SessionRow, regions: Sequence[str], others: bool) -> list[object]:
    name: object = row.session.name
    if row.state == "done":
        name = tag("a", name, href=f"runs/{quote(row.job)}/report.html")
    case = row.case
    advice = None if case is None else case.recommendation
    first = None if advice is None else next(iter(advice.regions.values()), None)
    cells: list[object] = [name, _STATES[row.state]]
    cells.append(row.headline if row.state == "done" else number(None))
    for expected in (
        None if first is None else first.expected_dice_before,
        None if first is None else first.expected_dice_after,
    ):
        cells.append(
            number(None)
            if expected is None
            else f"{number(expected.dice)} ({number(expected.low)} to {number(expected.high)})"
        )
    if others:
        cells.append("" if case is None else contrast_words(case.substituted, converted=bool(case.converted)))
    for region in regions:
        cells.append(number(None if case is None else case.volumes_before.get(region)))
        cells.append(number(None if case is None else case.volumes_after.get(region)))
    return cells
