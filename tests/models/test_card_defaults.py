from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.models.card_defaults import (
    as_value,
    color_of,
    default_colors,
    default_labels,
    named_regions,
    own_value,
)


@pytest.mark.parametrize(
    ("names", "activation", "labels"),
    [
        (["background", "tumor"], "softmax", {0: "background", 1: "tumor"}),
        (["a", "b"], "softmax", {0: "a", 1: "b"}),
        (["a", "b"], "sigmoid", {0: "background", 1: "a", 2: "b"}),
        (["lesion"], "none", {0: "background", 1: "lesion"}),
        (["Background", "b"], "sigmoid", {0: "Background", 1: "b"}),
    ],
)
def test_a_sigmoid_has_no_channel_for_the_background(names, activation, labels):
    assert default_labels(names, activation) == labels


@given(st.sets(st.integers(1, 255), min_size=1, max_size=8))
def test_every_label_has_a_color_of_its_own(values):
    colors = default_colors({0: "background", **{value: str(value) for value in values}})
    assert set(colors) == {0, *values}
    assert len(set(colors.values())) == len(values) + 1


def test_keys_of_json_are_numbers_again():
    assert [as_value(key) for key in ("4", " 4 ", 4, "x", "1" * 12, "٤")] == [4, 4, 4, "x", "1" * 12, "٤"]


def test_the_own_value_of_a_region_is_in_no_smaller_one():
    regions = {"WT": (1, 2, 4), "TC": (1, 4), "ET": (4,)}
    assert [own_value(name, regions) for name in regions] == [2, 1, 4]
    assert own_value("a", {"a": (1, 2), "b": (1,), "c": (2,)}) == 1


def test_what_is_scored_are_the_regions_or_each_label():
    labels = {0: "background", 2: "edema", 4: "core"}
    assert named_regions(labels, None) == {"edema": (2,), "core": (4,)}
    assert named_regions(labels, {"WT": [2, 4]}) == {"WT": (2, 4)}


def test_a_label_that_no_card_colors_is_gray():
    assert color_of({1: "#e69f00"}, 1) == "#e69f00"
    assert color_of({1: "#e69f00"}, 7) == "#999999"
