from __future__ import annotations

import csv

from bench_parts import row

from napari_osuda.benchmark.comparators.report import ALIKE, comparators_report, main
from napari_osuda.benchmark.comparators.settings import COMPARATORS
from napari_osuda.benchmark.protocols import PAPER
from napari_osuda.benchmark.real.protocols import LGG


def compared(method, patient, after, **changes):
    return row(
        method=method, patient=patient, dice_before_WT="0.5", dice_after_WT=after, training="abc",
        training_seconds="120", peak_mb="900", iterations="500", reference_ml_WT="9",
    ) | changes  # fmt: skip


ROWS = [
    compared("upper-bound", "1", "0.9", training="u1"),
    compared("upper-bound", "2", "0.9", training="u2"),
    compared("cyclegan", "1", "0.8"),
    compared("cyclegan", "2", "0.4"),
    compared("sifa", "1", "", outcome="failed: No memory.", dice_before_WT=""),
]


def test_methods_stand_beside_the_source_osuda_and_the_papers_figures():
    page = comparators_report([row(), row(patient="3"), row(method="source-only")], ROWS)
    lines = {line.split("|")[1].strip(): line for line in page.splitlines() if line.startswith("| ")}
    assert list(lines)[2:] == [
        "source-only", "osuda", "cruda", "osuda-ac", "osuda-se", *COMPARATORS
    ]  # fmt: skip
    assert "| source-only | no | 2 | 0.500 ± 0.000 | 0.544 |" in lines["source-only"]
    # Of the patients that comparators were judged on.
    assert "| osuda | no | 1 | 0.700 | 0.676 |" in lines["osuda"]
    assert "| cyclegan | yes | 2 | 0.600 ± 0.283 | 0.633 |" in lines["cyclegan"]
    assert "1 of 2 | 1 of 2 | -0.100 | 2.0 | 1.0 | 900 |" in lines["cyclegan"]
    # Both of its trainings are paid for.
    assert "| 4.0 |" in lines["upper-bound"]
    assert "## T2 to FLAIR" in page
    assert "**sifa** failed: No memory." in page
    assert "500 iterations of training. Not run yet: seat, dsfn." in page
    assert "| dsfn | yes | 0 | - | 0.789 | - | - | - | - | - | - | - |" in page


def test_a_table_without_a_result_says_why():
    page = comparators_report([], [compared("seat", "1", "", outcome="failed: Nothing.", iterations="")])
    assert "**seat** failed: Nothing." in page
    assert "| seat | yes | 0 |" in page


def test_a_protocol_has_the_figures_of_the_papers_experiment_most_like_it():
    page = comparators_report([], [compared("dsfn", "1", "0.7", protocol="flair-to-t1post-other-site")])
    assert "Paper: T2 to T1ce." in page
    assert "| 0.622 |" in page
    assert set(ALIKE) <= set(LGG) | set(PAPER)
    assert set(ALIKE.values()) <= set(PAPER)


def test_one_command_writes_the_page_of_two_files(tmp_path, capsys):
    for name, rows in (("bench", [row()]), ("comparators", [*ROWS[:1], ROWS[0] | {"dice_after_WT": "0.8"}])):
        with open(tmp_path / f"{name}.csv", "w", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    main([str(tmp_path / "bench.csv"), str(tmp_path / "comparators.csv"), "--origin", "Ten patients."])
    page = capsys.readouterr().out
    assert "Ten patients." in page
    assert "0.800" in page
    assert "0.900" not in page
