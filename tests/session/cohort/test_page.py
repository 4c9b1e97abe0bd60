from __future__ import annotations

from pathlib import Path

from napari_osuda.session.cohort.dataset import Session
from napari_osuda.session.cohort.page import cohort_page
from napari_osuda.session.cohort.record import CaseOutcome
from napari_osuda.session.cohort.rows import SessionRow
from napari_osuda.session.run_folder.record import AdviceRecord, ExpectedRecord, RegionAdviceRecord


def row(label: str, decision: str | None) -> SessionRow:
    session = Session(f"sub-{label}", None, Path(f"sub-{label}"))
    if decision is None:
        return SessionRow(session, "failed", "It is <b>broken</b>.", session.name, None)
    expected = ExpectedRecord(dice=0.7, low=0.5, high=0.8)
    region = RegionAdviceRecord(decision=decision, expected_dice_before=None, expected_dice_after=expected)
    case = CaseOutcome(
        name=session.name, participant=session.participant, volumes_before={"WT": 3.0},
        volumes_after={"WT": 4.5}, recommendation=AdviceRecord(decision=decision, regions={"WT": region}),
    )  # fmt: skip
    return SessionRow(session, "done", None, session.name, case)


def test_what_is_recommended_is_counted_and_each_session_told():
    page = cohort_page("Cohort", [row("01", "accept"), row("02", "neither"), row("03", None)], ["WT"])
    assert "2 of 3 sessions are segmented; 1 failed." in page
    assert "Trust neither mask: mark by hand" in page
    assert "0.70 (0.50 to 0.80)" in page
    assert 'href="runs/sub-01/report.html"' in page
    assert 'href="runs/sub-03/report.html"' not in page
    assert "It is &lt;b&gt;broken&lt;/b&gt;." in page


def test_a_cohort_of_which_nothing_is_done_has_a_page():
    page = cohort_page("Cohort", [row("01", None)], [])
    assert "0 of 1 sessions are segmented; 1 failed." in page
