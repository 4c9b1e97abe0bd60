from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.napari_layers.names import free_name, layer_name


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
