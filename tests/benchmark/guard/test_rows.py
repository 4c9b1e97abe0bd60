from __future__ import annotations

import pytest

from napari_osuda.benchmark.guard.rows import CaseRows, GuardRow, read_rows, read_table, write_table
from napari_osuda.session.guard.figures import FIGURES, Figures


def row(candidate="source", region="all labels", dice=0.5, share=0.1, patient="p1", family="plain"):
    figures = Figures(**dict.fromkeys(FIGURES, 0.25) | {"share": share})
    return GuardRow("t2-to-t1", patient, family, region, candidate, dice, figures)


def test_a_table_comes_back_as_it_was_written(tmp_path):
    rows = [row(), row("adapted", dice=0.75), row(patient="p2")]
    write_table(tmp_path / "guard.csv", rows)
    assert read_rows(tmp_path / "guard.csv") == rows


def test_what_one_run_led_to_is_one_case(tmp_path):
    write_table(
        tmp_path / "t.csv", [row(), row("adapted", dice=0.75), row(family="mapped"), row(patient="p2")]
    )
    cases = read_table(tmp_path / "t.csv")
    assert [(c.patient, c.family) for c in cases] == [("p1", "plain"), ("p1", "mapped"), ("p2", "plain")]
    assert cases[0].dice("adapted") == pytest.approx(0.75)


def test_a_region_that_nothing_marks_and_no_reference_has_is_left_out(tmp_path):
    empty = {"region": "ET", "dice": 1.0, "share": 0.0}
    write_table(tmp_path / "t.csv", [row(), row(**empty), row("adapted"), row("adapted", **empty)])
    (case,) = read_table(tmp_path / "t.csv")
    assert set(case.masks["source"]) == {"all labels"}
    missed = empty | {"dice": 0.0}
    write_table(tmp_path / "t.csv", [row(), row(**missed)])
    (case,) = read_table(tmp_path / "t.csv")
    assert case.dice("source") == pytest.approx(0.25)


def test_a_run_without_the_source_models_mask_is_no_case(tmp_path):
    write_table(tmp_path / "t.csv", [row("adapted")])
    assert read_table(tmp_path / "t.csv") == []


def test_all_hippocampi_are_held_out_together():
    cases = [
        CaseRows(name, "p1", "plain", {})
        for name in ("t2-to-t1", "hippocampus-2d-blur", "hippocampus-3d-bias")
    ]
    assert [case.group for case in cases] == ["t2-to-t1", "hippocampus", "hippocampus"]
