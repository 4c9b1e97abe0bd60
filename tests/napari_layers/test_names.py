from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from napari.components import ViewerModel
from napari.layers import Image

from napari_osuda.imaging import modality_of
from napari_osuda.napari_layers.names import add_layer, free_name, layer_name


def test_a_layer_is_called_by_what_it_is_and_its_case():
    assert layer_name("before", "patient7") == "original mask (patient7)"
    assert layer_name("iteration 3", "patient7") == "iteration 3 (patient7)"


@given(st.lists(st.sampled_from(["a", "a, 2", "a, 3", "b"]), unique=True))
def test_a_free_name_is_nobody_elses_and_the_wanted_one_where_it_can_be(taken):
    layers = [SimpleNamespace(name=name) for name in taken]
    name = free_name(layers, "a")
    assert name not in taken
    assert (name == "a") == ("a" not in taken)
    for layer in layers:
        assert free_name(layers, layer.name, layer) == layer.name


@pytest.mark.parametrize(
    ("owner", "second"),
    [("patient8", "T2 (patient8)"), ("", "T2, 2"), ("FLAIR study", "T2, 2")],
    ids=["told by its owner", "no owner", "the owner says another contrast"],
)
def test_a_second_image_of_that_name_is_told_from_the_first(owner, second):
    viewer = ViewerModel()
    for _ in range(3):
        add_layer(viewer, Image(np.zeros((3, 3)), name="T2"), owner)
    names = [layer.name for layer in viewer.layers]
    assert names[:2] == ["T2", second]
    assert len(set(names)) == 3
    assert not any("[" in name for name in names)
    assert {modality_of(name) for name in names} == {"t2"}
