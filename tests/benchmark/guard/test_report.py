from __future__ import annotations

from bench_parts import row

from napari_osuda.benchmark.guard.report import guard_report
from napari_osuda.benchmark.tables import bench_report


def test_the_guards_record_is_told_as_it_is():
    good = guard_report([row(), row(patient="2", dice_after_WT="0.3", decision="keep-source")])
    assert "Both promises hold" in good
    assert "**100.0%** of the oracle's gain" in good
    bad = guard_report([row(), row(patient="2", dice_after_WT="0.3")])
    assert "falls short** of the first promise" in bad
    assert "the worst guarded change is **-0.200**" in bad
    refused = row(dice_after_WT="0.2", decision="keep-source")
    back = guard_report([refused, row(method="osuda-se", dice_after_WT="0.65")])
    assert "Of 1 cases of OSUDA that the guard refused, it accepts iteration 0" in back
    assert "Mean change of Dice: +0.150 instead of 0" in back
    assert "No case of OSUDA that the guard refused" in guard_report([refused])
    missed = guard_report([row(), row(patient="2", dice_after_WT="0.9", decision="keep-source")])
    assert "falls short** of the second" in missed
    assert "**33.3%** of the oracle's gain" in missed


def test_a_case_weighs_the_same_however_many_seeds_it_has():
    three = [row(seed=seed, dice_after_WT=dice) for seed, dice in (("0", "0.6"), ("1", "0.7"), ("2", "0.45"))]
    missed = row(patient="2", dice_after_WT="0.7", decision="keep-source")
    page = guard_report([*three, missed])
    assert "Of 2 adapted cases, 1 are harmed without the guard and **1** with it" in page
    # Kept: (0.1 + 0.2 - 0.05) / 3 of the first; of the oracle's (0.1 + 0.2) / 3 and the second's 0.2.
    assert "**27.8%** of the oracle's gain" in page
    assert "| osuda | 2 | 1 | 1 | 1 | -0.050 | +0.042 | +0.150 | 27.8% |" in page


def test_going_back_counts_a_patient_once():
    refused = [row(seed=str(seed), dice_after_WT="0.2", decision="keep-source") for seed in range(3)]
    page = guard_report([*refused, row(method="osuda-se", dice_after_WT="0.45")])
    assert "Of 1 cases of OSUDA that the guard refused" in page
    assert "of 1. Outside the bench (`fallback=true`)" in page
    assert "1 harmed by more than" in page


def test_rows_that_the_guard_was_not_asked_about_are_not_counted_for_or_against_it():
    rows = [row(), row(seed="1", decision=""), row(patient="2", dice_after_WT="0.3", decision="")]
    page = guard_report(rows)
    assert "Of 1 adapted cases, 0 are harmed without the guard" in page
    assert "2 of 3 trials were made before" in page
    assert "trials were made before" not in guard_report(rows[:1])
    line = next(x for x in bench_report(rows, "Bench", "About.").splitlines() if x.startswith("| osuda |"))
    assert "| 2 of 3 | 1 of 3 | -0.200 | - | 0 of 1 | +0.200 | 1 of 1 |" in line
