from __future__ import annotations

from bench_parts import row

from napari_osuda.benchmark.tables import bench_report


def test_a_patient_counts_once_however_many_seeds_it_has(monkeypatch):
    three = [row(seed=str(seed), dice_after_WT=dice) for seed, dice in enumerate(("0.6", "0.7", "0.8"))]
    page = bench_report([*three, row(patient="2", dice_after_WT="0.5", seconds="")], "Bench", "About.")
    line = next(line for line in page.splitlines() if line.startswith("| osuda |"))
    assert "0.600 ± 0.141" in line, "the mean of 0.7 and 0.5"
    assert line.endswith("| 1.0 | 0.1000 |"), "median of the times there are, and spread of the seeds"
