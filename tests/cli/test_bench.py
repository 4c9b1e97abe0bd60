from __future__ import annotations

import pytest
from bench_parts import row

from napari_osuda.benchmark.guard.report import guard_report
from napari_osuda.cli.commands import main
from napari_osuda.errors import ConfigError


def test_failures_are_told_with_their_reason_of_each_patient_once():
    from napari_osuda.cli.bench import _of_failures

    assert _of_failures([row()]) == ""
    failed = [row(patient=str(k), seed=str(seed), outcome=f"failed: {k}_t2.nii cannot be read.")
              for k in range(7) for seed in range(2)]  # fmt: skip
    said = _of_failures([row(), *failed])
    assert "**14 of 15 trials failed**" in said
    assert said.count("4_t2.nii cannot be read") == 1
    assert "5_t2.nii" not in said
    assert "; and 2 patients more)." in said


def test_one_line_tells_of_all_that_go_wrong_on_a_patient_in_the_same_way():
    harmed = [
        row(seed=seed, dice_after_WT=dice) for seed, dice in (("0", "0.4"), ("1", "0.3"), ("2", "0.35"))
    ]
    missed = row(patient="2", method="tent", decision="keep-source")
    page = guard_report([*harmed, missed]).split("## The worst cases")[1]
    assert "| t2-to-flair | osuda | 1 | 0.500 | 0.300 |  | 2 |" in page
    assert "| t2-to-flair | tent | 2 | 0.500 | 0.700 |  | 0 |" in page


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([row(seed="0"), row(seed="1")], "2 seeds"),
        ([row(seed="0"), row(seed="1"), row(patient="2")], "1 to 2 seeds"),
        (
            [row(seed="0"), row(seed="1"), row(protocol="no-shift")],
            "2 seeds in t2-to-flair; 1 seed in no-shift",
        ),
    ],
)
def test_it_is_told_how_many_seeds_there_were(rows, words):
    from napari_osuda.cli.bench import _of_seeds

    assert _of_seeds(rows) == words


def test_the_command_says_what_is_wrong(tmp_path, capsys):
    assert main(["bench", "--only", "nonsense", "--out", str(tmp_path / "o")]) == 1
    assert main(["bench", "--brats-root", str(tmp_path / "nowhere"), "--out", str(tmp_path / "o")]) == 1
    assert main(["bench", "--patients", "0", "--out", str(tmp_path / "o")]) == 1
    assert main(["bench", "--patients", "6", "--skip", "25", "--out", str(tmp_path / "o")]) == 1
    said = capsys.readouterr().err
    for words in ("nothing called 'nonsense'", "no folder", "--patients is 0", "--skip is 25; with 6"):
        assert words in said
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("origin", [[], ["--brats-root", "."]])
@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--epochs", "0"], "--epochs is 0; it must be 1 or more."),
        (["--split-seed", "-1"], "--split-seed is -1; it must be 0 or more."),
        (["--seeds", "0", "-1"], "--seeds is -1; it must be 0 or more."),
    ],
)
def test_figures_that_nothing_can_be_run_with_are_refused(tmp_path, capsys, origin, given, says):
    assert main(["bench", *origin, *given, "--out", str(tmp_path / "o")]) == 1
    assert capsys.readouterr().err == f"napari-osuda: {says}\n"
    assert not (tmp_path / "o").exists()


def test_a_guard_is_fitted_without_the_patients_institution(tmp_path, capsys, monkeypatch):
    from napari_osuda.benchmark.guard import decisions, rows
    from napari_osuda.cli.bench import _guard_of

    assert _guard_of(None) is None
    with pytest.raises(ConfigError, match="no table"):
        _guard_of([tmp_path / "none.csv"])
    table = tmp_path / "guard.csv"
    table.touch()
    monkeypatch.setattr(rows, "read_table", lambda *paths: list(paths))
    monkeypatch.setattr(decisions.HoldingOut, "without", lambda self, *of: (self._cases, *of))
    assert _guard_of([table])("flair-to-t1", "TCGA_CS_1") == ([table], "flair-to-t1", "TCGA_CS_1")


@pytest.mark.parametrize("done", [0, 1])
def test_a_stop_says_what_there_is_and_how_to_go_on(tmp_path, capsys, monkeypatch, done):
    def stopped(series, rows, *given):
        for _ in range(done):
            rows.add(row())
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr("napari_osuda.benchmark.bench.run_bench", stopped)
    assert main(["bench", "--only", "t2-to-flair", "source-only", "--out", str(tmp_path)]) == 130
    reached = f"Trials in {tmp_path / 'bench.csv'}: 1" if done else "No trial is done yet"
    assert capsys.readouterr().err == f"Stopped. {reached}; the same command continues.\n"
    assert (tmp_path / "bench.md").is_file() == bool(done)
