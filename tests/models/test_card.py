from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_osuda.errors import ModelError
from napari_osuda.models import ModelCard
from napari_osuda.models.overrides import parse_overrides


def test_every_key_but_the_channels_has_a_default() -> None:
    card = ModelCard.of(channels=("flair",), output_channels=("background", "lesion"))
    assert (card.plane, card.orientation, card.normalisation, card.activation) == (
        "axial", "RAS", "zscore_nonzero", "softmax",
    )  # fmt: skip
    assert card.labels == {0: "background", 1: "lesion"}
    assert (card.size, card.field_of_view_mm, card.regions) == (None, None, {})
    assert card.colours[0] == "#000000"
    assert card.colours[1] != "#000000"


def test_3d_defaults() -> None:
    card = ModelCard.of(channels=("t1",), labels={0: "background", 1: "a"}, spatial_dims=3)
    assert card.plane == "volume"
    assert card.step == card.minimum == (16, 16, 16)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"plane": "axail"}, ["config.osuda.plane", "'axail'", "axial, coronal, sagittal, volume"]),
        ({"plane": "volume", "spatial_dims": 2}, ["plane is 'volume'", "axial, coronal, sagittal"]),
        ({"normalisation": "minmax"}, ["config.osuda.normalisation", "zscore_nonzero"]),
        ({"activation": "relu"}, ["config.osuda.activation", "softmax, sigmoid, none"]),
        ({"orientation": "RAX"}, ["config.osuda.orientation", "axis codes"]),
        ({"orientation": "RLS"}, ["config.osuda.orientation", "axis codes"]),
        ({"size": [128]}, ["size has 1 numbers", "2"]),
        ({"size": [0, 128]}, ["config.osuda.size.0", "greater than or equal to 1"]),
        ({"labels": {0: "background"}}, ["config.osuda.labels", "at least 2"]),
        ({"labels": {0: "a", 1: "b", 2: "c"}}, ["labels has 3 entries", "2"]),
        ({"labels": {0: "a", 300: "b"}}, ["config.osuda.labels", "255"]),
        ({"colours": {1: "red"}}, ["config.osuda.colours", "#rrggbb"]),
        ({"regions": {"WT": [1, 7]}}, ["regions", "7"]),
        ({"patch": 3}, ["config.osuda.patch", "not a known key", "plane"]),
        ({"channels": ("t1", "t1")}, ["config.osuda.channels", "different"]),
    ],
)
def test_errors_name_the_key_and_what_is_allowed(fields: dict[str, object], words: list[str]) -> None:
    with pytest.raises(ModelError) as caught:
        ModelCard.of(**{"channels": ("t1",), "output_channels": ("background", "x"), **fields})
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_channel_less_card_is_refused() -> None:
    with pytest.raises(ModelError, match=r"config\.osuda\.channels is missing"):
        ModelCard.of(output_channels=("a", "b"))


def test_softmax_of_one_channel_is_refused() -> None:
    with pytest.raises(ModelError, match="sigmoid, none"):
        ModelCard.of(channels=("t1",), output_channels=("lesion",), activation="softmax")


def test_brats_regions_tell_what_overlapping_channels_mean() -> None:
    card = ModelCard.of(
        channels=("t1ce",),
        output_channels=("TC", "WT", "ET"),
        activation="sigmoid",
        labels={0: "background", 1: "necrosis", 2: "edema", 4: "enhancing"},
        regions={"TC": (1, 4), "WT": (1, 2, 4), "ET": (4,)},
    )
    assert card.overlapping
    assert card.channel_values == (1, 2, 4)


def test_texts_of_the_command_line_are_read() -> None:
    parsed = parse_overrides(
        {
            "channels": "t1, t2",
            "size": "128,96",
            "field_of_view_mm": "null",
            "labels": "0=background,1=whole tumour",
            "regions": "{WT: [1]}",
            "plane": "coronal",
        }
    )
    assert parsed == {
        "channels": ("t1", "t2"),
        "size": [128, 96],
        "field_of_view_mm": None,
        "labels": {0: "background", 1: "whole tumour"},
        "regions": {"WT": [1]},
        "plane": "coronal",
    }
    with pytest.raises(ModelError, match="size"):
        parse_overrides({"size": "{"})


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.integers(0, 255), st.text(min_size=1, max_size=5), min_size=2, max_size=12))
def test_a_softmax_card_gives_each_channel_its_label(labels: dict[int, str]) -> None:
    names = tuple(f"channel {i}" for i in range(len(labels)))
    card = ModelCard.of(channels=("t1",), output_channels=names, labels=labels)
    assert card.channel_values == tuple(labels)
    assert set(labels) <= set(card.colours)


def test_a_card_carries_a_fitted_curve():
    curve = {"x": [-1.0, 0.5, 2.0], "y": [2.0, 0.0, 1.0]}
    card = ModelCard.of(channels=("t1", "t2"), output_channels=("background", "lesion"),
                        intensity_maps=(curve, "identity"))  # fmt: skip
    assert ModelCard.of(**card.model_dump()).intensity_maps == card.intensity_maps
    assert card.model_dump(mode="json")["intensity_maps"][0] == curve
    with pytest.raises(ModelError, match="ascending"):
        ModelCard.of(
            channels=("t1",), output_channels=("a", "b"), intensity_maps=({"x": [1.0, 0.0], "y": [0.0, 0.0]},)
        )
