from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_osuda.benchmark.bench import bench_rows, choose, run_bench
from napari_osuda.benchmark.guard.report import guard_report
from napari_osuda.benchmark.patients import TEST, TUNING, VALIDATION
from napari_osuda.benchmark.protocols import PROTOCOLS, TABLE_1, TABLE_2
from napari_osuda.benchmark.shipped import shipped_report
from napari_osuda.benchmark.tables import bench_report, verdict
from napari_osuda.cli.commands import main
from napari_osuda.errors import CaseError, ConfigError
from napari_osuda.method import PRESETS
from napari_osuda.session import adapt_case


def test_every_method_runs_on_every_patient_and_a_stop_costs_one_trial(series, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_osuda.benchmark.bench.preset", short)
    path = tmp_path / "out" / "bench.csv"
    first = run_bench([series], bench_rows(path), device="cpu")
    for _ in range(3):
        step = next(first)
    first.close()
    kept = path.read_text()
    assert len(kept.splitlines()) == 4
    rows = bench_rows(path)
    done = list(run_bench([series], rows, device="cpu"))
    assert step.total == len(done) == 2 * len(PRESETS)
    assert path.read_text().startswith(kept)
    assert all(row["outcome"] == "done" for row in rows)
    signals = json.loads(rows["t2-to-flair", "tent", "1", 0]["signals"])
    assert signals.keys() == {"candidate", "contrast", "figures"}
    source = rows["t2-to-flair", "source-only", "1", 0]
    assert source["dice_before_WT"] == source["dice_after_WT"] != ""
    for page in (bench_report(list(rows), "Bench", "About."), guard_report(list(rows)),
                 shipped_report(list(rows))):  # fmt: skip
        assert "T2 to FLAIR" in page or "t2-to-flair" in page
        assert "osuda-se" in page


def short(name, **changes):
    from napari_osuda.method import preset

    config = preset(name, **changes)
    return config.replace(iterations=min(config.iterations, 1), batch_size=4)


def test_methods_that_know_no_chance_run_once(series, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_osuda.benchmark.bench.preset", short)
    rows = bench_rows(tmp_path / "bench.csv")
    list(run_bench([series], rows, ("adabn", "osuda", "osuda-se", "dua"), seeds=(0, 1), device="cpu"))
    assert [(r["method"], r["seed"]) for r in rows if r["patient"] == "1"] == [
        ("adabn", "0"), ("osuda", "0"), ("osuda", "1"), ("osuda-se", "0"), ("dua", "0"), ("dua", "1"),
    ]  # fmt: skip


def test_a_row_that_has_no_decision_is_made_again(series, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_osuda.benchmark.bench.preset", short)
    rows = bench_rows(tmp_path / "bench.csv")
    list(run_bench([series], rows, ("adabn",), device="cpu"))
    first, second = rows
    rows.add({**first, "decision": "", "dice_after_WT": "9"})
    list(run_bench([series], rows, ("adabn",), device="cpu"))
    timeless = {"seconds": ""}
    again = bench_rows(tmp_path / "bench.csv")
    assert [r | timeless for r in again] == [first | timeless, second | timeless]
    assert [r["seconds"] for r in again][1] == second["seconds"], "the others are left alone"


def test_a_patient_that_cannot_be_read_is_a_failure_and_tried_again(series, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_osuda.benchmark.bench.preset", short)
    path = tmp_path / "bench.csv"
    asked = []

    def load(name):
        asked.append(name)
        raise CaseError(f"{name}_t2.nii.gz cannot be read; it is damaged.")

    damaged = replace(series, load=load, model=pytest.fail)
    rows = bench_rows(path)
    done = list(run_bench([damaged], rows, ("source-only", "adabn"), device="cpu"))
    assert asked == ["1", "2"]
    assert [step.row["outcome"] for step in done] == [
        f"failed: {name}_t2.nii.gz cannot be read; it is damaged." for name in (1, 1, 2, 2)
    ]
    assert {row["decision"] for row in rows} == {"keep-source"}

    half = replace(series, load=lambda name: series.load(name) if name == "2" else load(name))
    rows = bench_rows(path)
    list(run_bench([half], rows, ("source-only", "adabn"), device="cpu"))
    assert [row["outcome"] == "done" for row in rows] == [False, False, True, True]
    assert bench_report(list(rows), "Bench", "").count("(1 of 2) |") == 2, "a failure of each method's two"

    list(run_bench([series], bench_rows(path), ("source-only", "adabn"), device="cpu"))
    rows = bench_rows(path)
    assert [row["outcome"] for row in rows] == 4 * ["done"]
    before = path.read_bytes()
    list(run_bench([damaged], rows, ("source-only", "adabn"), device="cpu"))
    assert path.read_bytes() == before


def test_a_trial_that_failed_is_tried_again(series, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_osuda.benchmark.bench.preset", short)
    rows = bench_rows(tmp_path / "bench.csv")
    rows.add({"protocol": "t2-to-flair", "method": "adabn", "patient": "1", "seed": 0,
              "outcome": "failed: No memory was left.", "decision": "keep-source"})  # fmt: skip
    list(run_bench([series], rows, ("adabn",), device="cpu"))
    assert [row["outcome"] for row in rows] == ["done", "done"]


def test_settings_change_every_method_and_one_that_nobody_judges_is_kept(series, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_osuda.benchmark.bench.preset", short)
    rows, settings = bench_rows(tmp_path / "bench.csv"), ("iterations=0", "guard=false")
    list(run_bench([series], rows, ("tent",), (0, 1), "cpu", settings))
    assert [(row["iterations"], row["decision"], row["seed"]) for row in rows] == 2 * [("0", "", "0")]
    before = rows.path.read_bytes()
    list(run_bench([series], rows, ("tent",), (0, 1), "cpu", settings))
    assert rows.path.read_bytes() == before


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "holds a bench with contrast=off, not the presets' own settings"),
        (["--set", "tau=3"], "holds a bench with contrast=off, not tau=3"),
        (["--set", "seed=3"], "chosen with --seeds"),
        (["--set", "color=red"], "color"),
    ],
)
def test_trials_of_other_settings_are_kept_apart(tmp_path, capsys, given, says):
    (tmp_path / "settings.json").write_text('["contrast=off"]')
    assert main(["bench", "--out", str(tmp_path), *given]) == 1
    assert says in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["settings.json"]


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


@pytest.mark.parametrize("method", [m for m in PRESETS if m != "cruda"])
def test_which_methods_know_chance(series, method):
    """What runs once gives the same network for every order of the batches."""
    from napari_osuda.benchmark.bench import _left_to_chance

    model, case = series.model(), series.load("1").case
    # Enough batches for two seeds to order them differently.
    configs = [short(method, seed=seed).replace(batch_size=1, iterations=3) for seed in (0, 1)]
    if not short(method).iterations:
        configs = [config.replace(iterations=0) for config in configs]
    one, other = (adapt_case(model, case, config, method=method, device="cpu") for config in configs)
    same = all(
        torch.allclose(a.float(), b.float(), rtol=1e-4, atol=1e-6)  # sums in another order
        for a, b in zip(one.network.state_dict().values(), other.network.state_dict().values(), strict=True)
    )
    assert same != _left_to_chance(configs[0])


def test_a_sweep_changes_one_thing_at_a_time_and_goes_on_where_it_stopped(series, tmp_path, monkeypatch):
    from napari_osuda.benchmark.sweeps import settings as settings_module
    from napari_osuda.benchmark.sweeps import sweep

    monkeypatch.setattr(sweep, "simulated_patient", lambda protocol, seed: series.load(str(seed)))
    monkeypatch.setattr(settings_module, "_TRAINED_ON", ("t2-to-flair",))
    models = {series.protocol.model: series.model()}
    rows = sweep.sweep_rows(tmp_path / "sweep.csv")
    settings = [
        sweep.Setting(s.name, {**s.changes, "iterations": 2, "batch_size": 2}, s.head, s.mapped, s.around)
        for s in sweep.AROUND
        if s.name in ("defaults", "learning rate 3e-4")
    ]
    first = sweep.run_sweep(rows, settings, (1, 2), models)
    assert next(first) == (1, 4)
    first.close()
    assert len(list(rows)) == 3, "one for each of the statistics"
    assert list(sweep.run_sweep(rows, settings, (1, 2), models))[-1] == (4, 4)
    again = sweep.sweep_rows(tmp_path / "sweep.csv")
    assert len(list(again)) == 12
    table = sweep.sweep_table(again)
    assert "| defaults | target |" in table
    assert "| learning rate 3e-4 | source |" in table


def test_slices_that_count_more_come_more_often(series, tmp_path, monkeypatch):
    from napari_osuda.benchmark.sweeps import settings as settings_module
    from napari_osuda.benchmark.sweeps import sweep
    from napari_osuda.imaging import SliceStack
    from napari_osuda.session import slice_spec

    model, patient = series.model(), series.load("1")
    stack = SliceStack(patient.case, slice_spec(model.card))
    every, half, by_head, marked = sweep.WEIGHTS

    def counted(setting):
        batches = sweep._weighed(model.network.eval(), stack, model.card, setting)
        return [tuple(x.flatten().tolist()) for batch in batches for x in batch]

    heads = stack.head_sizes / stack.head_sizes.max()
    assert len(counted(every)) == (heads > 0).sum()
    alike = counted(half)
    assert len(alike) == len(set(alike)) == (heads >= 0.5).sum()
    for slice_, head in zip(alike, heads[heads >= 0.5], strict=True):
        assert counted(by_head).count(slice_) == np.ceil(4 * head)
    assert {counted(marked).count(slice_) for slice_ in alike} <= {1, 3}

    monkeypatch.setattr(sweep, "simulated_patient", lambda protocol, seed: series.load(str(seed)))
    monkeypatch.setattr(settings_module, "_SHIFTS", ("t2-to-flair",))
    rows = sweep.sweep_rows(tmp_path / "sweep.csv")
    list(sweep.run_sweep(rows, [half, by_head], (1,), {series.protocol.model: model}))
    assert [r["statistics"] for r in rows] == ["target", "prior 0.5"] * 2


def test_the_settings_around_the_defaults_are_the_defaults_but_for_what_their_name_says():
    from napari_osuda.benchmark.sweeps.settings import AROUND
    from napari_osuda.method import AdaptationConfig

    defaults = AdaptationConfig().to_dict()
    assert {key: defaults[key] for key in AROUND[0].changes} == AROUND[0].changes
    for setting in AROUND[1:]:
        changed = {key for key in defaults if setting.changes.get(key, defaults[key]) != defaults[key]}
        assert 1 <= len(changed) <= 2, setting.name


def row(**changes):
    blank = {
        "protocol": "t2-to-flair", "method": "osuda", "patient": "1", "seed": "0", "outcome": "done",
        "decision": "accept", "reasons": "", "seconds": "1", "iterations": "1", "dice_before_WT": "0.5",
        "dice_after_WT": "0.7", "hd95_before_WT": "3", "hd95_after_WT": "2",
    }  # fmt: skip
    return blank | changes


def test_a_patient_counts_once_however_many_seeds_it_has(monkeypatch):
    three = [row(seed=str(seed), dice_after_WT=dice) for seed, dice in enumerate(("0.6", "0.7", "0.8"))]
    page = bench_report([*three, row(patient="2", dice_after_WT="0.5", seconds="")], "Bench", "About.")
    line = next(line for line in page.splitlines() if line.startswith("| osuda |"))
    assert "0.600 ± 0.141" in line, "the mean of 0.7 and 0.5"
    assert line.endswith("| 1.0 | 0.1000 |"), "median of the times there are, and spread of the seeds"


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
    assert "mean change of Dice +0.150 instead of 0" in back
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


def test_harm_is_called_harm():
    assert (verdict(0.5, 0.48), verdict(0.5, 0.495), verdict(0.5, 0.52)) == ("harm", "no change", "gain")
    page = shipped_report([row(dice_after_WT="0.2", decision="keep-source", hd95_after_WT="inf")])
    assert "OSUDA harms WT (0.500 to 0.200)" in page
    assert "| harm | keep-source | 0.500 | 3.0 | none |" in page
    failed = bench_report([row(), row(patient="2", hd95_after_WT="inf", dice_after_WT="0")], "Bench", "")
    assert "| 2.0 (1 of 2) |" in failed
    assert "| 1 of 2 |" in failed


def test_names_are_protocols_groups_and_methods():
    assert choose([]) == ((*TABLE_1, *TABLE_2), tuple(PRESETS))
    assert choose(["table-1", "osuda", "no-shift"]) == (
        (*TABLE_1, PROTOCOLS["no-shift"]), ("osuda",),
    )  # fmt: skip
    with pytest.raises(ConfigError, match="nothing called 'table-3'"):
        choose(["table-3"])


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


def test_no_patient_serves_two_purposes():
    assert len({*VALIDATION, *TUNING, *TEST}) == len(VALIDATION) + len(TUNING) + len(TEST)


def test_rows_that_the_guard_was_not_asked_about_are_not_counted_for_or_against_it():
    rows = [row(), row(seed="1", decision=""), row(patient="2", dice_after_WT="0.3", decision="")]
    page = guard_report(rows)
    assert "Of 1 adapted cases, 0 are harmed without the guard" in page
    assert "2 of 3 trials were made before" in page
    assert "trials were made before" not in guard_report(rows[:1])
    line = next(x for x in bench_report(rows, "Bench", "About.").splitlines() if x.startswith("| osuda |"))
    assert "| 2 of 3 | 1 of 3 | -0.200 | - | 0 of 1 | +0.200 | 1 of 1 |" in line


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
