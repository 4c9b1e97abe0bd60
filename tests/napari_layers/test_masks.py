from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import Dims
from napari.layers import Labels

from napari_osuda.napari_layers.masks import (
    RESULT_KEY,
    go_to_most_changed,
    label_appearance,
    label_colors,
    shows,
)


def test_a_value_that_the_card_does_not_know_is_seen_and_the_background_is_not():
    colors = label_colors({1: "#ff0000", 2: "#00ff00"}, {2: 0.5})
    shown = colors.map(np.array([0, 1, 2, 9]))
    np.testing.assert_allclose(shown[0][3], 0)
    np.testing.assert_allclose(shown[1], (1, 0, 0, 1))
    np.testing.assert_allclose(shown[2], (0, 1, 0, 0.5), atol=0.01)
    np.testing.assert_allclose(shown[3], (1, 1, 1, 1))


def test_a_difference_has_names_and_colors_of_its_own():
    assert list(label_appearance("difference", {1: "core"}, {})["features"]["label"]) == [
        "gained", "lost", "kept", "relabeled",
    ]  # fmt: skip
    assert list(label_appearance("after", {0: "b", 1: "core"}, {})["features"]["label"]) == ["b", "core"]


def test_a_layer_is_known_by_its_role_and_its_labels():
    data = np.eye(3, dtype=np.uint8)
    layer = Labels(data, metadata={RESULT_KEY: "after"})
    assert shows(layer, "after", data)
    assert not shows(layer, "before", data)
    assert not shows(layer, "after", data + 1)


@pytest.mark.parametrize(("order", "expected"), [((0, 1, 2), 3), ((1, 0, 2), 1), ((2, 0, 1), 2)])
def test_the_slice_with_most_change_is_shown_in_the_plane_in_view(order, expected):
    values = np.zeros((5, 4, 6), np.uint8)
    values[0] = 3
    values[3, 1, 2] = values[3, 1, 3] = 1
    values[3, 2, 2] = 2
    layer = Labels(values, scale=(2.0, 1.0, 3.0), translate=(10.0, 0.0, -5.0))
    dims = Dims(ndim=3, order=order, range=((10, 18, 2), (0, 3, 1), (-5, 10, 3)))
    viewer = SimpleNamespace(dims=dims)
    go_to_most_changed(viewer, layer)
    axis = order[0]
    assert round(layer.world_to_data(dims.point)[axis]) == expected


def test_where_nothing_changed_or_in_3d_the_picture_stays():
    layer = Labels(np.full((3, 3, 3), 3, np.uint8))
    viewer = SimpleNamespace(dims=Dims(ndim=3, point=(2, 0, 0)))
    go_to_most_changed(viewer, layer)
    assert viewer.dims.point[0] == 2
    viewer.dims.ndisplay = 3
    go_to_most_changed(viewer, Labels(np.eye(3, dtype=np.uint8)[None].repeat(3, 0)))
    assert viewer.dims.point[0] == 2
