from __future__ import annotations

import pytest
from review_parts import write_run

from napari_osuda.session.review.report import review_summary, write_review_report
from napari_osuda.session.review.run import ReviewRun


@pytest.fixture
def run(tmp_path):
    return ReviewRun.of_folder(write_run(tmp_path / "run"))


def test_before_anybody_has_signed_it_says_so(run):
    summary = review_summary(run, "case")
    assert summary["reviewer"] == "nobody has signed yet"
    assert summary["axial slices decided"] == "0 of 3"
    assert summary["flag on the case"] == "none"
    assert "decisions" not in summary


def test_slices_are_told_in_the_plane_in_which_they_were_decided(run):
    review = run.review("case")
    review.decide("before", "axial", [2], "Dr. Who")
    review.set_flag(True, None, (), "look again")
    summary = review_summary(run, "case")
    assert summary["flag on the case"] == "look again"
    planes = {row["plane"] for row in summary["decisions"]}
    assert planes == {"axial"}
    (row,) = [row for row in summary["decisions"] if row["slice"] == 2]
    assert (row["decision"], row["by"]) == ("use original", "Dr. Who")
    assert row["when"].endswith("UTC")


def test_a_page_is_written_also_where_the_curves_are_damaged(run):
    (run.folder / "steps.csv").write_bytes(b"\xff\xfe\x00")
    page = write_review_report(run)
    text = page.read_text(encoding="utf-8")
    assert page == run.folder / "report.html"
    assert "The page has no curves." in text
