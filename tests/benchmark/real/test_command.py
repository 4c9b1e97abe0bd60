from __future__ import annotations

import csv

import pytest

from napari_osuda.cli.commands import main


def rows_of(out):
    with open(out / "bench.csv", newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_one_command_trains_adapts_and_tells(lgg_root, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["bench", "--lgg-root", str(lgg_root), "--out", str(out), "--epochs", "1", "--device", "cpu",
               "--only", "other-site", "source-only", "adabn", "--seeds", "0"]  # fmt: skip
    assert main(command) == 0
    said = capsys.readouterr()
    assert "lgg-flair: epoch 1 of 1" in said.err
    assert "TCGA_CS_4942 is left out" in said.err
    page = (out / "bench.md").read_text(encoding="utf-8")
    assert said.out.strip() == page.strip()
    assert "## FLAIR, other institutions" in page
    assert "Source model lgg-flair: mean Dice" in page
    assert "The pictures do not give voxel sizes" in page
    assert "| gained | harmed | worst |" in page
    found = [(r["protocol"], r["method"], r["patient"]) for r in rows_of(out)]
    assert sorted(found) == sorted(
        (protocol, method, patient)
        for method in ("source-only", "adabn")
        for protocol, patient in (
            ("flair-to-flair-other-site", "TCGA_CS_4941"),
            ("flair-to-flair-other-site", "TCGA_CS_4942"),
            ("t1post-to-t1post-other-site", "TCGA_CS_4941"),
        )
    )
    # Another bench finds the models, and trains nothing.
    other = ["bench", "--lgg-root", str(lgg_root), "--out", str(tmp_path / "tuning"), "--epochs", "1",
             "--models", str(out / "models"), "--tuning", "--patients", "1", "--device", "cpu",
             "--only", "flair-to-t1-other-site", "source-only"]  # fmt: skip
    assert main(other) == 0
    said = capsys.readouterr()
    assert "epoch" not in said.err
    assert "no figure is a result" in said.out
    assert [r["patient"] for r in rows_of(tmp_path / "tuning")] == ["TCGA_HT_7473"]


def test_comparators_are_trained_and_stand_beside(lgg_root, tmp_path, capsys, monkeypatch):
    from napari_osuda.benchmark.comparators import command as comparing
    from napari_osuda.benchmark.comparators.settings import Setting

    tiny = Setting(1, 2, 2, 1, 2, discriminator_layers=1)
    monkeypatch.setattr(comparing, "SETTINGS", {"small": tiny})
    out = tmp_path / "out"
    command = ["bench", "--lgg-root", str(lgg_root), "--out", str(out), "--epochs", "1", "--device", "cpu",
               "--only", "flair-to-flair-other-site", "source-only", "seat", "upper-bound",
               "--comparators", "small", "--seeds", "0"]  # fmt: skip
    assert main(command) == 0
    said = capsys.readouterr()
    page = (out / "comparators.md").read_text(encoding="utf-8")
    assert page in said.out
    assert "flair-to-flair-other-site, seat: iteration 1 of 1" in said.err
    assert "| seat | yes | 2 |" in page
    assert "Paper: high to low grade, four contrasts." in page
    assert main(command) == 0
    assert "iteration" not in capsys.readouterr().err


def test_hippocampi_are_scored_by_their_parts(hippocampus_root, tmp_path, capsys):
    command = ["bench", "--hippocampus-root", str(hippocampus_root), "--out", str(tmp_path), "--epochs", "1",
               "--only", "hippocampus-2d-gamma", "source-only", "--device", "cpu"]  # fmt: skip
    assert main(command) == 0
    (row,) = rows_of(tmp_path)
    assert {row[f"dice_before_{part}"] != "" for part in ("hippocampus", "anterior", "posterior")} == {True}
    assert "guarded Dice hippocampus" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--lgg-root", "{tmp}/nowhere"], "There is no folder"),
        (["--hippocampus-root", "{tmp}/nowhere"], "There is no folder"),
        (
            ["--lgg-root", "{tmp}", "--only", "table-1"],
            "nothing called 'table-1' on the bench. Groups: other-site",
        ),
        (["--lgg-root", "{tmp}", "--patients", "0"], "--patients is 0; it must be 1 or more."),
        (["--lgg-root", "{tmp}", "--skip", "-1"], "--skip is -1; it must be 0 or more."),
        (["--models", "m"], "--models would choose nothing, since there is nothing to train"),
    ],
)
def test_what_cannot_be_run_is_said_in_a_line(tmp_path, capsys, given, says):
    command = [word.replace("{tmp}", str(tmp_path)) for word in given]
    assert main(["bench", *command, "--out", str(tmp_path / "o")]) == 1
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert not (tmp_path / "o").exists()
