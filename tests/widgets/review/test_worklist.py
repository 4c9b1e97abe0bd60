from __future__ import annotations

import pytest
from review_parts import write_run

from napari_osuda.session.review.run import ReviewRun
from napari_osuda.widgets.review.worklist import Worklist


@pytest.fixture
def run(tmp_path):
    return ReviewRun.of_folder(write_run(tmp_path / "run", ("a", "b")))


def test_a_folder_that_is_opened_again_has_one_entry(run, tmp_path):
    cases = Worklist()
    assert cases.add(run) == (run, "a")
    again = ReviewRun.of_folder(tmp_path / "run")
    cases.add(again)
    assert cases.items == [(again, "a"), (again, "b")]
    assert cases.titles() == ["to do: a", "to do: b"]
    assert cases.index(run, "a") == -1


def test_the_next_case_comes_round(run):
    cases = Worklist()
    cases.add(run)
    assert cases.after(run, "a") == (run, "b")
    assert cases.after(run, "b") == (run, "a")
    assert cases.after(None, "a") is None


def test_the_case_that_was_last_under_review_comes_first(run, tmp_path):
    run.review("b")
    run.record.set_position("b", "axial", 1)
    run.record.write()
    again = ReviewRun.of_folder(tmp_path / "run")
    assert Worklist().add(again) == (again, "b")
