from __future__ import annotations

from napari_osuda.benchmark.bench import bench_rows
from napari_osuda.benchmark.real.comparison import comparison, main


def row(patient, before, after, decision="accept", method="osuda", protocol="flair-to-flair-other-site"):
    return {
        "protocol": protocol, "method": method, "patient": patient, "seed": "0", "outcome": "done",
        "decision": decision, "dice_before_WT": before, "dice_after_WT": after,
    }  # fmt: skip


RELEASE = [row("1", 0.6, 0.2, "keep-source"), row("2", 0.7, 0.5)]
NOW = [
    row("1", 0.6, 0.8),
    row("2", 0.7, 0.65),
    row("2", 0.7, 0.9, method="norm-prior"),
    # Of another patient than the release's.
    row("3", 0.1, 0.2),
]


def test_a_release_is_compared_on_the_patients_that_both_have(tmp_path, capsys):
    for name, rows in (("release", RELEASE), ("now", NOW)):
        table = bench_rows(tmp_path / f"{name}.csv", ("WT",))
        for one in rows:
            table.add(one)
    assert main([str(tmp_path / "release.csv"), str(tmp_path / "now.csv")]) == 0
    *_, line = capsys.readouterr().out.splitlines()
    assert line == (
        "| FLAIR, other institutions | 2 | 0.650 | 0.350 | 0.550 | 0.725 | 0.725 | 0.850 | 1, 1 | -0.050 |"
    )


def test_protocols_without_a_common_patient_have_no_line():
    assert comparison([], []).count("\n") == 1


def test_a_protocol_that_the_release_was_not_run_on_has_all_patients():
    cells = [cell.strip() for cell in comparison([], NOW).splitlines()[-1].strip("|").split("|")]
    assert cells[1:7] == ["3", "0.467", "not run", "not run", "0.550", "0.550"]
