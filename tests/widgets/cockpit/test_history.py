from __future__ import annotations

import numpy as np
import pytest

from napari_osuda.widgets.cockpit.history import RunHistory

CLASSES = ((0, "background", "#000000"), (2, "edema", "#e69f00"), (5, "core", "#56b4e9"))


def test_history_keeps_every_number_and_grows(reported):
    layers, reports = reported
    history = RunHistory(layers, CLASSES, 2)
    for report in reports:
        history.add(report)
    assert len(history) == len(reports)
    for name in ("distance", "alpha", "gamma_shift", "beta_shift", "class_fractions"):
        np.testing.assert_array_equal(history[name], np.stack([getattr(r, name) for r in reports]))
    first = layers[1]
    expected = reports[3].distance[first.offset : first.offset + first.channels].mean()
    assert history["layer_distance"][3, 1] == pytest.approx(expected, rel=1e-5)


def test_long_runs_fit_in_memory():
    layers = [type("L", (), {"channels": 500, "offset": 500 * i, "name": str(i)})() for i in range(4)]
    history = RunHistory(layers, CLASSES, 2000)
    assert sum(column.nbytes for column in history._columns.values()) < 100e6
