from __future__ import annotations

import numpy as np


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
