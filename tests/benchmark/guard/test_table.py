from __future__ import annotations

import numpy as np

from napari_osuda.benchmark.guard.table import rows_of_run
from napari_osuda.benchmark.patients import Patient
from napari_osuda.method import preset
from napari_osuda.session.guard.passes import WHOLE


def test_a_run_gives_a_row_for_each_region_of_each_candidate(series):
    model, patient = series.model(), series.load("1")
    rows = list(
        rows_of_run("t2-to-t1", patient, model, preset("osuda", iterations=4, batch_size=4, contrast="off"))
    )
    assert {row.candidate for row in rows} == {"source", "statistics", "adapted", "earlier"}
    assert {row.family for row in rows} == {"plain"}
    assert isinstance(patient, Patient)
    for row in rows:
        assert 0.0 <= row.dice <= 1.0
        assert np.isfinite(list(row.figures.to_dict().values())).all()
    assert any(row.region == WHOLE for row in rows)
