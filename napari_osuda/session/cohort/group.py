"""The table and the report over all patients of a cohort, from what their jobs have written."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_osuda.errors import cannot_write
from napari_osuda.files import csv_cell, written_whole
from napari_osuda.session.cohort.page import cohort_page
from napari_osuda.session.cohort.plan import CohortJob
from napari_osuda.session.cohort.record import CaseOutcome, JobOutcome, Outcomes
from napari_osuda.session.cohort.rows import SessionRow

__all__ = ["Summary", "outcome_in_words", "summarize_cohort"]

_WORST_FIRST = ("neither", "keep-source", "accept")
_PARTICIPANT_COLUMNS = {
    "participant_id": "Participant label.",
    "state": "done: all sessions are segmented; failed: one could not be; open: one is not begun.",
    "sessions": "How many sessions there are.",
    "recommendation": "The guard's, of the session where it is worst: accept (use the adapted mask), "
    "keep-source (use the original mask), neither (mark by hand), or n/a.",
}


@dataclass
class Summary:
    """How a cohort stands: sessions by state and by recommendation, and where the results are."""

    states: Counter[str] = field(default_factory=Counter)
    decisions: Counter[str | None] = field(default_factory=Counter)
    table: Path | None = None
    report: Path | None = None


def summarize_cohort(jobs: Iterable[CohortJob], outcomes: Outcomes, title: str) -> Summary:
    """Write ``participants.tsv``, ``results.tsv`` and ``report.html`` of a cohort, done or not.

    Parameters
    ----------
    jobs : iterable of CohortJob
        Of all patients.
    outcomes : Outcomes
    title : str
        What the report is called.

    Raises
    ------
    OutputError
        They cannot be written.
    """
    rows = sorted(_rows(jobs, outcomes), key=lambda row: row.session.name)
    regions = list(dict.fromkeys(r for row in rows if row.case for r in row.case.volumes_before))
    summary = Summary(table=outcomes.out / "participants.tsv", report=outcomes.out / "report.html")
    for row in rows:
        summary.states[row.state] += 1
        if row.state == "done":
            summary.decisions[row.kind] += 1
    try:
        _write_table(outcomes.out / "results.tsv", _result_rows(rows, regions))
        _write_table(outcomes.out / "participants.tsv", _participant_rows(rows))
        with written_whole(outcomes.out / "participants.json") as partial:
            about = {name: {"Description": text} for name, text in _PARTICIPANT_COLUMNS.items()}
            partial.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        with written_whole(outcomes.out / "report.html") as partial:
            partial.write_text(cohort_page(title, rows, regions), encoding="utf-8")
    except OSError as error:
        raise cannot_write(outcomes.out, error) from error
    return summary


def _rows(jobs: Iterable[CohortJob], outcomes: Outcomes) -> Iterator[SessionRow]:
    for job in jobs:
        outcome = outcomes.of(job)
        done = {} if outcome is None else {case.name: case for case in outcome.cases}
        for session in job.sessions:
            case = done.get(session.name)
            if outcome is None or (outcome.state == "done" and case is None):
                yield SessionRow(session, "open", None, job.name, None)
            else:
                yield SessionRow(session, outcome.state, outcome.error, job.name, _without_files(case))


def _without_files(case: CaseOutcome | None) -> CaseOutcome | None:
    # Ten thousand rows are held at once.
    return None if case is None else case.model_copy(update={"inputs": ()})


def _participant_rows(rows: Sequence[SessionRow]) -> Iterator[dict[str, Any]]:
    members: dict[str, list[SessionRow]] = {}
    for row in rows:
        members.setdefault(row.session.participant, []).append(row)
    for participant, own in members.items():
        states = {row.state for row in own}
        decisions = [row.decision for row in own]
        yield {
            "participant_id": participant,
            "state": next(state for state in ("failed", "open", "done") if state in states),
            "sessions": len(own),
            "recommendation": next((d for d in _WORST_FIRST if d in decisions), None),
        }


def _result_rows(rows: Sequence[SessionRow], regions: Sequence[str]) -> Iterator[dict[str, Any]]:
    for row in rows:
        case, advice = row.case, None if row.case is None else row.case.recommendation
        columns: dict[str, Any] = {
            "participant_id": row.session.participant,
            "session_id": row.session.session,
            "state": row.state,
            "recommendation": row.decision,
            "substituted": None if case is None else _listed(case.substituted),
            "converted": None if case is None else case.converted,
        }
        expected = None if advice is None else next(iter(advice.regions.values()), None)
        for when, dice in (
            ("before", None if expected is None else expected.expected_dice_before),
            ("adapted", None if expected is None else expected.expected_dice_after),
        ):
            columns[f"expected_dice_{when}"] = None if dice is None else round(dice.dice, 4)
            columns[f"expected_dice_{when}_low"] = None if dice is None else round(dice.low, 4)
            columns[f"expected_dice_{when}_high"] = None if dice is None else round(dice.high, 4)
        for region in regions:
            columns[f"{region}_before_ml"] = None if case is None else case.volumes_before.get(region)
            columns[f"{region}_adapted_ml"] = None if case is None else case.volumes_after.get(region)
        columns["run"] = f"runs/{row.job}" if row.state == "done" else None
        columns["error"] = row.error
        yield columns


def _listed(substituted: Mapping[str, str]) -> str:
    """As in ``t2=flair``: channel, and the contrast that stands in for its own."""
    return ",".join(f"{channel}={contrast}" for channel, contrast in substituted.items())


def _write_table(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    """A table as BIDS has them: tabs, and n/a for what is not known."""
    with written_whole(path) as partial, open(partial, "w", encoding="utf-8", newline="") as stream:
        writer = None
        for row in rows:
            if writer is None:
                writer = csv.DictWriter(stream, list(row), delimiter="\t", lineterminator="\n")
                writer.writerow({name: _cell(name) for name in row})
            writer.writerow({name: _cell(value) for name, value in row.items()})


def _cell(value: Any) -> Any:
    if value is None or value == "":
        return "n/a"
    return csv_cell(" ".join(value.split())) if isinstance(value, str) else value


def outcome_in_words(outcome: JobOutcome) -> str:
    """A job's outcome in a line: the recommendation, or why it failed."""
    if outcome.state == "failed":
        return f"failed: {outcome.error}"
    advice = [case.recommendation for case in outcome.cases]
    return ", ".join("done" if a is None else a.decision for a in advice)
