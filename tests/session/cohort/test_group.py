from __future__ import annotations

import csv

from bids_parts import Stub, write_bids

from napari_osuda.session.cohort.group import summarize_cohort
from napari_osuda.session.cohort.plan import plan
from napari_osuda.session.cohort.record import Outcomes
from napari_osuda.session.cohort.running import run_jobs


def test_the_table_tells_of_everybody(tmp_path):
    dataset = write_bids(tmp_path / "bids", ["01", "02", "03"])
    (dataset / "sub-04" / "anat").mkdir(parents=True)
    work = Stub(tmp_path / "out", failing=["sub-02"])
    list(run_jobs(plan(dataset, ["01", "02", "03"]), work, Outcomes(work.out)))
    summary = summarize_cohort(plan(dataset), Outcomes(work.out), "Cohort <b>&")
    assert summary.states == {"done": 2, "failed": 1, "open": 1}
    with open(work.out / "participants.tsv", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert {row["participant_id"]: row["state"] for row in rows} == {
        "sub-01": "done", "sub-02": "failed", "sub-03": "done", "sub-04": "open",
    }  # fmt: skip
    with open(work.out / "results.tsv", newline="") as stream:
        results = {row["participant_id"]: row for row in csv.DictReader(stream, delimiter="\t")}
    assert results["sub-01"]["WT_adapted_ml"] == "2.0"
    assert results["sub-02"]["error"] == "sub-02 is broken."
    assert results["sub-04"]["WT_before_ml"] == "n/a"
    page = (work.out / "report.html").read_text(encoding="utf-8")
    assert "2 of 4 sessions are segmented; 1 failed; 1 not begun." in page
    assert "sub-02 is broken." in page
    assert "<b>&" not in page


def test_of_a_patient_with_two_sessions_the_worse_one_counts(tmp_path):
    dataset = write_bids(tmp_path / "bids", ["01"], ["1", "2"])
    work = Stub(tmp_path / "out", failing=["sub-01_ses-2"])
    list(run_jobs(plan(dataset), work, Outcomes(work.out)))
    summarize_cohort(plan(dataset), Outcomes(work.out), "Two sessions")
    with open(work.out / "participants.tsv", newline="") as stream:
        (row,) = csv.DictReader(stream, delimiter="\t")
    assert (row["participant_id"], row["state"], row["sessions"]) == ("sub-01", "failed", "2")


def test_no_cell_of_the_tables_is_a_formula_headers_among_them(tmp_path):
    dataset = write_bids(tmp_path / "bids", ["01"])
    work = Stub(tmp_path / "out")
    outcomes = Outcomes(work.out)
    list(run_jobs(plan(dataset), work, outcomes))
    (job,) = plan(dataset)
    told = outcomes.of(job)
    evil = "=HYPERLINK(1)\t2"
    case = told.cases[0].model_copy(update={"volumes_before": {evil: 1.0}, "volumes_after": {evil: 2.0}})
    outcomes.write(job, told.model_copy(update={"cases": (case,)}))
    summarize_cohort(plan(dataset), outcomes, "Formulas")
    with open(work.out / "results.tsv", newline="") as stream:
        cells = [cell for row in csv.reader(stream, delimiter="\t") for cell in row]
    assert any("HYPERLINK" in cell for cell in cells)
    assert not any(cell.startswith("=") for cell in cells)
