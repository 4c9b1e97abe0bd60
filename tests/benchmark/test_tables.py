from __future__ import annotations

import pytest

from napari_osuda.benchmark.guard.report import guard_report
from napari_osuda.benchmark.tables import bench_report
from napari_osuda.benchmark.trials import score_columns


def row(patient, seed="0", *, method="tent", decision="keep-source", **scores):
    keys = {"protocol": "high-to-low-grade", "method": method, "patient": patient, "seed": seed}
    return dict.fromkeys(score_columns(), "") | keys | {"outcome": "done", "decision": decision} | scores


def test_distances_are_means_over_the_patients_and_failures_are_of_so_many():
    near, far = (
        {"dice_before_WT": "0.9", "dice_after_WT": "0.9"},
        {"dice_before_WT": "0.5", "dice_after_WT": "0"},
    )
    rows = [
        row("1", "0", **near, hd95_after_WT="2"),
        row("1", "1", **near, hd95_after_WT="4"),
        row("2", "0", **far, hd95_after_WT="10"),
        row("2", "1", **far, hd95_after_WT="inf"),
    ]
    # Of (2, 4) and (10, none): 3 and 10, sd 4.9.
    assert "| 6.5 ± 4.9 (1 of 4) |" in bench_report(rows, "Bench", "")


def test_a_region_that_a_patient_has_none_of_is_counted_and_not_averaged():
    there, absent = {"reference_ml_ET": "2.5"}, {"reference_ml_ET": "0"}
    rows = [
        row("1", dice_before_ET="0.6", dice_after_ET="0.4", **there),
        row("2", dice_before_ET="1", dice_after_ET="1", **absent),
        row("3", "0", outcome="failed"),
        row("3", "1", dice_before_ET="1", dice_after_ET="0", **absent),
        # One without the volume is of an older bench.
        row("4", dice_before_ET="0.6", dice_after_ET="0.6"),
    ]
    report = bench_report(rows, "Bench", "")
    assert "2 of 4 patients have no ET." in report
    assert "| 0.500 ± 0.141 |" in report
    assert "| 1 of 3 |" in report
    assert "paper ET" in report
    assert "paper ET" not in bench_report(rows[:4], "Bench", "")
    assert "have no ET" not in bench_report(rows[:1], "Bench", "")


def test_calibration_is_told_of_the_trials_that_have_it():
    known = {"ece_before": "0.02", "ece_after": "0.05", "brier_before": "0.1", "brier_after": "0.2"}
    rows = [row("1", **known), row("2", **known | {"ece_after": "0.07"}), row("3")]
    report = bench_report([*rows[:2], row("4", outcome="failed")], "Bench", "")
    assert "| tent | 0.020 ± 0.000 | 0.060 ± 0.014 | 0.100 ± 0.000 | 0.200 ± 0.000 |" in report
    assert "2 of 3 trials have these figures" in bench_report(rows, "Bench", "")
    assert "Calibration" not in bench_report(rows[2:], "Bench", "")


def test_what_the_guard_leaves_is_compared_on_all_patients_or_not_at_all():
    scores = {"dice_before_WT": "0.9", "dice_after_WT": "0.4"}
    judged = [row(str(patient), **scores) for patient in range(2)]
    assert "| 0.900 ± 0.000 |" in bench_report(judged, "Bench", "")
    assert "0.900" not in bench_report([*judged, row("2", decision="", **scores)], "Bench", "")
    # A patient of whom one seed is judged is compared by that.
    assert "| 0.900 ± 0.000 |" in bench_report([*judged, row("1", "1", decision="", **scores)], "Bench", "")


@pytest.mark.parametrize(("decision", "with_it"), [("accept", 1), ("keep-source", 0)])
def test_a_region_that_pays_for_another_is_told(decision, with_it):
    scores = {
        "dice_before_WT": "0.9", "dice_after_WT": "0.95", "dice_before_TC": "0.5", "dice_after_TC": "0.47",
    }  # fmt: skip
    report = guard_report([row("1", decision=decision, **scores)])
    worst = "-0.030" if decision == "accept" else "+0.000"
    assert (
        f"Region by region, {with_it} cases have one that is more than 0.01 worse with the guard (1 "
        in report
    )
    assert f"the worst by {worst}" in report
    assert "0 are harmed without the guard and **0** with it" in report


@pytest.mark.parametrize(
    ("patients", "says"),
    [
        (["400024", "400025"], "chosen on, or changed for, 1 of these 2 patients"),
        (["300006"], "chosen on, or changed for, 1 of these 1 patients"),
        (["400025", "BraTS18_1"], None),
    ],
)
def test_it_is_told_whom_the_guard_has_seen(patients, says):
    report = guard_report([row(p, dice_before_WT="0.9", dice_after_WT="0.4") for p in patients])
    assert ("no test of it" in report) == (says is not None)
    assert says is None or says in report
