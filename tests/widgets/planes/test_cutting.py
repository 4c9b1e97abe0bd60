from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.layers import Image, Labels

from napari_osuda.napari_layers.masks import label_colors
from napari_osuda.widgets.planes.cutting import base_of, cut, steps_at

SHAPE = (5, 7, 6)


def image(**changes) -> Image:
    values = {"scale": (3, 2, 1), "translate": (-5, 4, 9), "contrast_limits": (0, 1), "colormap": "gray"}
    return Image(np.random.default_rng(0).random(SHAPE).astype(np.float32), **{**values, **changes})


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2), st.data())
def test_a_slice_of_one_image_is_its_own_grays(axis, data):
    layer, index = image(), data.draw(st.integers(0, SHAPE[axis] - 1))
    found = cut([layer], layer, axis, index)
    expected = np.rint(np.rint(np.take(layer.data, index, axis) * 255))
    assert np.abs(found.rgb[..., 0].astype(int) - expected).max() <= 1
    assert (found.rgb[..., :1] == found.rgb).all()
    assert found.mm == tuple(float(s) for a, s in enumerate((3, 2, 1)) if a != axis)


def test_labels_lie_over_the_image_in_their_own_colors():
    layer = image()
    mask = np.zeros(SHAPE, np.uint8)
    mask[2, 3:6, 2:5] = 1
    labels = Labels(
        mask, colormap=label_colors({1: "#ff0000"}), scale=layer.scale, translate=layer.translate, opacity=1.0
    )
    found = cut([layer, labels], layer, 0, 2).rgb
    assert (found[3:6, 2:5] == (255, 0, 0)).all()
    np.testing.assert_array_equal(found[:3], cut([layer], layer, 0, 2).rgb[:3])
    labels.contour = 1
    outlined = cut([layer, labels], layer, 0, 2).rgb
    assert (outlined[3, 2:5] == (255, 0, 0)).all()
    np.testing.assert_array_equal(outlined[4, 3], cut([layer], layer, 0, 2).rgb[4, 3])
    labels.visible = False
    np.testing.assert_array_equal(cut([layer, labels], layer, 0, 2).rgb, cut([layer], layer, 0, 2).rgb)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2), st.integers(1, 3), st.data())
def test_a_layer_on_another_grid_is_looked_up_where_it_lies(axis, finer, data):
    base = image(visible=False)
    mask = np.random.default_rng(1).integers(0, 2, SHAPE).astype(np.uint8)
    fine = mask
    for each in range(3):
        fine = fine.repeat(finer, axis=each)
    scale = np.array(base.scale) / finer
    # The first fine voxel's middle lies before that of the coarse one.
    corner = np.array(base.translate) - (np.array(base.scale) - scale) / 2
    colors = label_colors({1: "#00ff00"})
    coarse = Labels(mask, colormap=colors, scale=base.scale, translate=base.translate, opacity=1)
    other = Labels(fine, colormap=colors, scale=scale, translate=corner, opacity=1)
    index = data.draw(st.integers(0, SHAPE[axis] - 1))
    np.testing.assert_array_equal(cut([other], base, axis, index).rgb, cut([coarse], base, axis, index).rgb)


def test_what_is_no_volume_is_left_out_and_the_topmost_image_counts():
    layers = [image(), image(visible=False), Image(np.zeros((4, 4))), Labels(np.zeros(SHAPE, int))]
    assert base_of(layers) is layers[0]
    assert base_of(layers[3:]) is layers[3]
    assert base_of(layers[1:3]) is None
    cut(layers, layers[0], 1, 2)
    with pytest.warns(UserWarning, match="Non-orthogonal"):
        turned = Labels(np.ones(SHAPE, int), rotate=(0, 20, 0))
    np.testing.assert_array_equal(
        cut([layers[0], turned], layers[0], 0, 0).rgb, cut([layers[0]], layers[0], 0, 0).rgb
    )


@settings(deadline=None, max_examples=40)
@given(st.tuples(*[st.floats(-1e3, 1e3)] * 3))
def test_any_point_is_in_or_nearest_to_a_voxel(point):
    layer = Image(np.zeros((2, 3, 4)), scale=(3, 2, 1), translate=(-5, 4, 9))
    found = steps_at(layer, np.array(point))
    assert all(0 <= step < n for step, n in zip(found, (2, 3, 4), strict=True))
    inside = layer.data_to_world(found)
    assert steps_at(layer, np.array(inside)) == found


@pytest.mark.parametrize("values", [np.full(SHAPE, np.nan), np.zeros(SHAPE)])
def test_an_image_without_contrast_is_drawn(values):
    layer = Image(values, contrast_limits=(0, 1), colormap="gray")
    assert not cut([layer], layer, 0, 0).rgb.any()
