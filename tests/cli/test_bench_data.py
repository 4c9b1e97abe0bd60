from __future__ import annotations

import pytest
from bench_parts import row

from napari_osuda.benchmark.patients import TEST, TUNING
from napari_osuda.benchmark.protocols import TABLE_1
from napari_osuda.cli.commands import main


def test_the_first_patients_can_be_passed_over():
    import argparse

    from napari_osuda.cli.bench import _about, add_options
    from napari_osuda.cli.bench_data import bench_data

    parser = argparse.ArgumentParser()
    add_options(parser)
    options = parser.parse_args(["--skip", "10", "--patients", "2"])
    (chosen,) = bench_data(options).series(TABLE_1)
    assert chosen.patients == ("400010", "400011")
    tuning = parser.parse_args(["--tuning"])
    (chosen,) = bench_data(tuning).series(TABLE_1)
    assert chosen.patients == tuple(map(str, TUNING))
    (chosen,) = bench_data(parser.parse_args([])).series(TABLE_1)
    assert chosen.patients == tuple(map(str, TEST[:10]))
    assert "no figure of it is a result" in _about([row()], bench_data(tuning), [])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--patients", "10"], "--patients would choose nothing, since with --brats-root all test patients"),
        (["--skip", "0"], "--skip would choose"),
        (["--tuning", "--patients", "3"], "--patients and --tuning would choose"),
        (["--models", "m"], "--models would choose nothing"),
        (["--only", "other-scanner", "t2-to-flair", "no-shift"],
         "other-scanner and no-shift can be simulated only. A BraTS folder can be run with table-1, table-2, "
         "or any of high-to-low-grade, t2-to-flair, t2-to-t1, t2-to-t1ce."),
        (["--only", "controls"], "t2-no-shift can be simulated only"),
    ],
)  # fmt: skip
def test_what_a_brats_folder_cannot_be_run_with_is_refused(tmp_path, capsys, given, says):
    assert main(["bench", "--brats-root", str(tmp_path), *given, "--out", str(tmp_path / "o")]) == 1
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert not (tmp_path / "o").exists()
