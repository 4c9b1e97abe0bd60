"""What the guard's table is gathered on, from data sets in the layouts of the public ones."""

from __future__ import annotations

from napari_osuda.benchmark.guard import table
from napari_osuda.benchmark.guard.rows import read_rows
from napari_osuda.benchmark.real.protocols import HIPPOCAMPUS


def test_hippocampi_for_tuning_are_measured_once_in_each_protocol(
    monkeypatch, hippocampus_root, tmp_path, capsys
):
    seen = []
    monkeypatch.setattr(table, "load_model", lambda path: path)
    monkeypatch.setattr(table, "rows_of_run", lambda name, patient, *_: seen.append((name, patient)) or [])
    options = ["--patients", "1", "--hippocampus-root", str(hippocampus_root), "--models", str(tmp_path)]
    monkeypatch.setattr(table, "PROTOCOLS", {})
    out = tmp_path / "guard.csv"
    assert table.main([*options, "--out", str(out)]) == 0
    assert {name for name, _ in seen} == set(HIPPOCAMPUS)
    assert len({patient.name for _, patient in seen}) == 1, "a tenth of six is one for tuning"
    assert read_rows(out) == []
    assert "hippocampus-3d-no-shift" in capsys.readouterr().err
