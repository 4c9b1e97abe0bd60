from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from brats_parts import NEW, write_case

from napari_osuda.benchmark.bench import bench_rows, run_bench
from napari_osuda.benchmark.brats.cases import find_brats, read_patient
from napari_osuda.benchmark.brats.series import brats_series
from napari_osuda.benchmark.protocols import TABLE_1, TABLE_2
from napari_osuda.benchmark.training.recipe import Recipe
from napari_osuda.cli.commands import main
from napari_osuda.errors import CaseError, ConfigError, OutputError
from napari_osuda.models import load_model

TINY = Recipe(epochs=1, batch_size=2, features=(2, 4))


def test_a_protocol_hands_the_model_the_other_contrast(tmp_path):
    write_case(tmp_path / "BraTS2021_00000")
    patient = read_patient(find_brats(tmp_path)[0], TABLE_2[0])
    assert patient.case.channels == ("t2",)
    assert patient.case.sources[0].path.name == "BraTS2021_00000_flair.nii.gz"
    assert set(np.unique(patient.reference)) == {0, 1}


def test_both_tables_come_from_one_folder_and_go_on_where_they_stopped(tmp_path, brats_2018):
    out = tmp_path / "out"
    told = []
    series = brats_series(brats_2018, out, recipe=TINY, every=1, tell=told.append)
    rows = bench_rows(out / "bench.csv")
    methods = ("source-only", "adabn")
    first = next(iter(run_bench(series, rows, methods, device="cpu")))
    assert first.total == 2 * (1 + 3)
    assert first.row["protocol"] == "high-to-low-grade"
    assert first.row["patient"] == "Brats18_LGG_0"
    assert 0 <= float(first.row["dice_before_TC"]) <= 1
    done = list(run_bench(series, rows, methods, device="cpu"))
    assert len(done) == len(rows) == 8
    assert sum("epoch" in line for line in told) == 2

    # Another process: nothing is trained or run again.
    told.clear()
    series = brats_series(brats_2018, out, recipe=TINY, every=1, tell=told.append)
    before = (out / "bench.csv").read_bytes()
    list(run_bench(series, bench_rows(out / "bench.csv"), methods, device="cpu"))
    assert not told
    assert (out / "bench.csv").read_bytes() == before
    record = json.loads((out / "split.json").read_text())
    assert record["seed"] == 0
    assert record["models"]["glioma-four-contrasts"]["testing"] == ["Brats18_LGG_0"]
    with pytest.raises(OutputError, match="another --out"):
        brats_series(brats_2018, out, seed=1, recipe=TINY)


def test_tables_run_one_after_the_other_are_one_bench(tmp_path, brats_2018):
    out = tmp_path / "out"
    brats_series(brats_2018, out, TABLE_1, recipe=TINY)
    brats_series(brats_2018, out, TABLE_2, recipe=TINY)
    both = (out / "split.json").read_bytes()
    brats_series(brats_2018, out, TABLE_1, recipe=TINY)
    assert (out / "split.json").read_bytes() == both
    brats_series(brats_2018, tmp_path / "at once", recipe=TINY)
    assert (tmp_path / "at once" / "split.json").read_bytes() == both
    assert {path.name for path in out.iterdir()} == {"split.json"}


def test_another_bench_in_the_folder_is_refused_by_what_is_other(tmp_path, brats_2018):
    out = tmp_path / "out"
    brats_series(brats_2018, out, TABLE_1, recipe=TINY)
    kept = (out / "split.json").read_bytes()
    # Said also where no split is common to both.
    for changes, says in (
        ({"seed": 1}, "the split seed 0, not 1"),
        ({"recipe": Recipe(epochs=2, batch_size=2, features=(2, 4))}, "the recipe's epochs 1, not 2"),
        ({"every": 3}, "the step between training slices 2, not 3"),
        ({"root": tmp_path}, f"the BraTS folder {brats_2018}, not {tmp_path}"),
    ):
        with pytest.raises(OutputError, match=f"{re.escape(says)}: give another --out"):
            brats_series(**{"root": brats_2018, "out": out, "protocols": TABLE_2, "recipe": TINY, **changes})
    write_case(brats_2018 / "LGG" / "Brats18_LGG_9")
    with pytest.raises(OutputError, match=r"other patients of .* than are there now: give another --out"):
        brats_series(brats_2018, out, TABLE_1, recipe=TINY)
    assert (out / "split.json").read_bytes() == kept
    for damaged in ("{", "[]", '{"recipe": {}}'):
        (out / "split.json").write_text(damaged)
        with pytest.raises(OutputError, match=r"split\.json is damaged.*give another --out"):
            brats_series(brats_2018, out, TABLE_1, recipe=TINY)


def test_a_damaged_test_volume_costs_its_own_trials(tmp_path, brats_2018, monkeypatch, capsys):
    monkeypatch.setattr("napari_osuda.benchmark.brats.series.BRATS_RECIPE", TINY)
    write_case(brats_2018 / "LGG" / "Brats18_LGG_1")
    file = brats_2018 / "LGG" / "Brats18_LGG_0" / "Brats18_LGG_0_t1.nii.gz"
    whole = file.read_bytes()
    file.write_bytes(whole[:500])
    command = ["bench", "--brats-root", str(brats_2018), "--out", str(tmp_path / "out"), "--epochs", "1",
               "--only", "table-1", "source-only", "--device", "cpu"]  # fmt: skip
    assert main(command) == 0
    said = capsys.readouterr()
    assert "**1 of 2 trials failed**" in said.out
    assert f"Brats18_LGG_0: {file} cannot be read" in said.out
    assert f"1 of 2: high-to-low-grade, source-only, Brats18_LGG_0: failed: {file}" in said.err
    assert "2 of 2: high-to-low-grade, source-only, Brats18_LGG_1\n" in said.err
    file.write_bytes(whole)
    assert main(command) == 0
    assert "failed" not in capsys.readouterr().err
    assert {row["outcome"] for row in bench_rows(tmp_path / "out" / "bench.csv")} == {"done"}


def test_a_bench_whose_every_trial_failed_has_failed(tmp_path, brats_2018, monkeypatch, capsys):
    monkeypatch.setattr("napari_osuda.benchmark.brats.series.BRATS_RECIPE", TINY)
    for name in ("BraTS-PED-00001-000", "BraTS-PED-00002-000"):
        write_case(tmp_path / "peds" / name, NEW, enhancing=3)
    command = ["bench", "--brats-root", str(tmp_path / "peds"), "--out", str(tmp_path / "out"), "--only",
               "t2-to-flair", "source-only", "--device", "cpu"]  # fmt: skip
    assert main(command) == 1
    said = capsys.readouterr()
    assert "**1 of 1 trials failed**" in said.out
    assert "pediatric" in said.out
    assert f"Every trial failed, so there are no figures. {tmp_path / 'out' / 'bench.md'} gives" in said.err


def weights(out, name="whole-tumour-t2"):
    return load_model(out / "models" / name).network.state_dict()


def test_training_that_was_stopped_goes_on_after_its_last_whole_epoch(tmp_path, brats_2018):
    recipe = Recipe(epochs=3, batch_size=2, features=(2, 4))

    def run(out, tell):
        (series,) = brats_series(
            brats_2018, out, TABLE_2[:1], recipe=recipe, every=1, tell=tell, device="cpu"
        )
        return series.model()

    def stop(text):
        if "epoch 2 of 3" in text:
            raise KeyboardInterrupt

    told = []
    run(tmp_path / "at once", told.append)
    assert sum("epoch" in line for line in told) == 3
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "out", stop)
    file = tmp_path / "out" / "models" / "whole-tumour-t2.checkpoint.pt"
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert torch.load(file, weights_only=True)["state"]["epoch"] == 2
    told.clear()
    run(tmp_path / "out", told.append)
    assert [line.partition(", loss")[0] for line in told if "epoch" in line] == [
        "whole-tumour-t2: going on after epoch 2", "whole-tumour-t2: epoch 3 of 3",
    ]  # fmt: skip
    assert not file.exists()
    once, resumed = weights(tmp_path / "at once"), weights(tmp_path / "out")
    assert all(torch.equal(once[name], resumed[name]) for name in once)


def test_source_models_are_trained_on_the_device_that_was_asked_for(tmp_path, brats_2018, monkeypatch):
    seen = []

    def train(*args, device, **kwargs):
        seen.append(device)
        raise KeyboardInterrupt

    monkeypatch.setattr("napari_osuda.benchmark.brats.series.BRATS_RECIPE", TINY)
    monkeypatch.setattr("napari_osuda.benchmark.brats.series.train_source", train)
    monkeypatch.setattr("napari_osuda.session.inference.devices.available_devices", lambda: ("cuda", "cpu"))
    command = ["bench", "--brats-root", str(brats_2018), "--epochs", "1", "--only", "table-1", "source-only"]
    for device in ("auto", "cuda", "cpu"):
        assert main([*command, "--out", str(tmp_path / device), "--device", device]) == 130
    assert [str(device) for device in seen] == ["cuda", "cuda", "cpu"]
    # Said before an hour of reading, not after it.
    with pytest.raises(ConfigError, match="no device 'mps'"):
        brats_series(brats_2018, tmp_path / "out", TABLE_1, device="mps")


def test_a_disk_that_fails_under_a_file_is_a_failure_of_its_patient(tmp_path, brats_2018, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(5, "Input/output error", "t1.nii.gz")

    (series,) = brats_series(brats_2018, tmp_path / "out", TABLE_1, recipe=TINY)
    monkeypatch.setattr("napari_osuda.benchmark.brats.cases.read_case", fail)
    rows = bench_rows(tmp_path / "out" / "bench.csv")
    (step,) = run_bench([series], rows, ("source-only",), device="cpu")
    assert step.row["outcome"] == "failed: The system said 'Input/output error' (t1.nii.gz)."


def test_left_out_folders_are_in_the_output(tmp_path, brats_2018, capsys):
    (brats_2018 / "HGG" / "Brats18_HGG_1" / "Brats18_HGG_1_seg.nii.gz").unlink()
    assert main(["bench", "--brats-root", str(brats_2018), "--out", str(tmp_path / "out"), "--epochs", "1",
                 "--only", "table-1", "source-only"]) == 1  # fmt: skip
    said = capsys.readouterr().err
    assert "1 folder has no reference (a file ending in seg.nii.gz) and is left out: Brats18_HGG_1\n" in said


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(CaseError, match="no folder"):
        find_brats(tmp_path / "nowhere")
    with pytest.raises(CaseError, match="no case with a reference"):
        find_brats(tmp_path)
    write_case(tmp_path / "BraTS2021_00000")
    with pytest.raises(CaseError, match="--only table-2"):
        brats_series(tmp_path, tmp_path / "out", TABLE_1)
    with pytest.raises(CaseError, match="cannot be split"):
        brats_series(tmp_path, tmp_path / "out", TABLE_2)
    assert not (tmp_path / "out").exists()
