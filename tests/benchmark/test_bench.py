from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from bench_parts import row

from napari_osuda.benchmark.bench import bench_rows, choose, run_bench, simulated_series
from napari_osuda.benchmark.guard.report import guard_report
from napari_osuda.benchmark.protocols import PROTOCOLS, TABLE_1, TABLE_2
from napari_osuda.benchmark.shipped import shipped_report
from napari_osuda.benchmark.tables import bench_report, outcome_of
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


def test_who_may_be_learned_from_among_simulated_patients(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "napari_osuda.benchmark.bench.simulated_patient",
        lambda p, seed: asked.append((dict(p.images), p.grade, seed)),
    )
    for name in ("t2-to-flair", "high-to-low-grade"):
        one = simulated_series(PROTOCOLS[name])
        one.source.load(one.source.names[0])
        one.target.load(one.target.names[0])
        assert not {*one.source.names, *one.target.names} & set(one.patients)
    four = {c: c for c in ("t1", "t1ce", "t2", "flair")}
    assert asked == [
        ({"t2": "t2"}, "high", 100_000), ({"t2": "flair"}, "high", 100_000),
        (four, "high", 100_000), (four, "low", 100_000),
    ]  # fmt: skip


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


@pytest.mark.parametrize("method", [m for m in PRESETS if m != "cruda"])
def test_which_methods_know_chance(series, method):
    """What runs once gives the same network for every order of the batches."""
    from napari_osuda.benchmark.bench import _left_to_chance

    model, case = series.model(), series.load("1").case
    # Enough batches for two seeds to order them differently.
    configs = [
        short(method, seed=seed).replace(batch_size=1, iterations=3, fallback=False) for seed in (0, 1)
    ]
    if not short(method).iterations:
        configs = [config.replace(iterations=0) for config in configs]
    one, other = (adapt_case(model, case, config, method=method, device="cpu") for config in configs)
    same = all(
        torch.allclose(a.float(), b.float(), rtol=1e-4, atol=1e-6)  # sums in another order
        for a, b in zip(one.network.state_dict().values(), other.network.state_dict().values(), strict=True)
    )
    assert same != _left_to_chance(configs[0])


def test_harm_is_called_harm():
    assert (outcome_of(0.5, 0.48), outcome_of(0.5, 0.495), outcome_of(0.5, 0.52)) == (
        "harm",
        "no change",
        "gain",
    )
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
