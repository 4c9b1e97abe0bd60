from __future__ import annotations

import json

import pytest

from napari_osuda.benchmark.guard.rows import (
    CaseRows,
    GuardRow,
    bench_rows,
    read_rows,
    read_table,
    write_table,
)
from napari_osuda.evaluation import write_rows
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


@pytest.mark.parametrize(
    ("protocol", "patient", "group"),
    [
        ("flair-to-flair-other-site", "TCGA_CS_4941_19960909", "gliomas of CS"),
        ("flair-to-t1post", "TCGA_HT_7473-larger-step", "gliomas of HT"),
        ("hippocampus-2d-blur", "hippocampus_001", "hippocampi"),
        ("hippocampus-3d-bias", "hippocampus_001", "hippocampi"),
        ("t2-to-real-flair", "FG6692", "skull-stripped gliomas"),
        ("t2-to-t1", "300006", "simulated"),
        ("high-to-low-grade", "300006", "simulated"),
    ],
)
def test_what_shares_patients_or_an_institution_is_held_out_together(protocol, patient, group):
    assert CaseRows(protocol, patient, "plain", {}).group == group


def test_all_hippocampi_weigh_as_one_protocol():
    cases = [
        CaseRows(name, "p", "plain", {}) for name in ("ht", "hippocampus-2d-blur", "hippocampus-3d-bias")
    ]
    assert len({case.weighed_with for case in cases}) == 2


def bench_row(**changes):
    figures = dict.fromkeys(FIGURES, 0.25)
    kept = {
        "contrast": None,
        "figures": {name: {"all labels": figures} for name in ("source", "statistics")},
    }
    return {
        "protocol": "flair-to-t1", "patient": "TCGA_CS_1", "dice_before_WT": "0.5", "dice_after_WT": "0.75",
        "signals": json.dumps(kept), **changes,
    }  # fmt: skip


def test_a_run_of_the_bench_gives_its_two_masks(tmp_path):
    write_rows(tmp_path / "bench.csv", [bench_row()])
    found = read_rows(tmp_path / "bench.csv")
    assert [(r.candidate, r.region, r.dice) for r in found] == [
        ("source", "all labels", 0.5),
        ("statistics", "all labels", 0.75),
    ]
    assert read_table(tmp_path / "bench.csv")[0].group == "gliomas of CS"


def test_of_a_run_with_several_candidates_the_bench_knows_the_chosen_ones_dice(tmp_path):
    figures = {"all labels": Figures(**dict.fromkeys(FIGURES, 0.25)).to_dict()}
    kept = {"candidate": "statistics", "figures": dict.fromkeys(("source", "adapted", "statistics"), figures)}
    told = {
        "protocol": "t2-to-t1", "patient": "p1", "signals": json.dumps(kept), "dice_before_WT": "0.5",
        "dice_after_WT": "0.7",
    }  # fmt: skip
    assert {(r.candidate, r.dice) for r in bench_rows(told)} == {("source", 0.5), ("statistics", 0.7)}
    # The original mask without some pieces has no figures of its own.
    told["signals"] = json.dumps(kept | {"candidate": "pieces"})
    assert {r.candidate for r in bench_rows(told)} == {"source"}


def test_runs_without_todays_figures_give_none():
    assert bench_rows(bench_row(signals="")) == []
    old = {"figures": {"source": {"all labels": {"share": 0.5}}}}
    assert bench_rows(bench_row(signals=json.dumps(old))) == []


def test_where_the_bench_tells_of_several_regions_their_union_is_not_known():
    assert bench_rows(bench_row(dice_before_ET="0.1", dice_after_ET="0.2")) == []
