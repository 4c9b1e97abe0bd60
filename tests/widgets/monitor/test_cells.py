from __future__ import annotations

import numpy as np

from napari_osuda.widgets.monitor.cells import arranged, picture_of


def test_a_picture_has_a_cell_for_each_channel_and_no_other(reported):
    layers, reports = reported
    alpha = reports[0].alpha
    picture = picture_of(alpha, arranged(layers)[1])
    assert picture.shape == (len(layers), max(layer.channels for layer in layers))
    assert np.isfinite(picture).sum() == len(alpha)
    for row, layer in zip(picture, layers, strict=True):
        np.testing.assert_array_equal(row[: layer.channels], alpha[layer.offset :][: layer.channels])
        assert np.isnan(row[layer.channels :]).all()


def test_by_distance_each_channel_has_one_cell_and_the_farthest_come_first(reported):
    layers, reports = reported
    d = reports[-1].distance
    rows, cells = arranged(layers, d)
    assert sorted(rows) == list(range(len(layers)))
    assert sorted(np.concatenate(cells)) == list(range(len(d)))
    assert (np.diff([d[row].mean() for row in cells]) <= 1e-6).all()
    assert all((np.diff(d[row]) <= 0).all() for row in cells)
