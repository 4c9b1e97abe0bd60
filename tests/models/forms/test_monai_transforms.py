from __future__ import annotations

import pytest

from napari_osuda.models.forms.monai_config import BundleConfig
from napari_osuda.models.forms.monai_transforms import describe_postprocessing, describe_preprocessing


def before(*steps, channels=1, dims=3):
    """What is said, what is left open, and the notes."""
    said, guessed = {}, {}
    config = BundleConfig(
        {"preprocessing": [{"_target_": kind, **rest} for kind, rest in steps]}, "inference"
    )
    notes = describe_preprocessing(config, channels, dims, said, guessed)
    return said, guessed, notes


def after(*steps):
    said, guessed = {}, {}
    config = BundleConfig(
        {"postprocessing": [{"_target_": kind, **rest} for kind, rest in steps]}, "inference"
    )
    return said, guessed, describe_postprocessing(config, said, guessed)


@pytest.mark.parametrize(
    ("kind", "arguments", "how"),
    [
        ("NormalizeIntensityd", {}, "zscore"),
        ("NormalizeIntensityd", {"nonzero": True}, "zscore_nonzero"),
        ("NormalizeIntensityd", {"divisor": 2.0}, None),
        ("ScaleIntensityd", {}, "range"),
        ("ScaleIntensityd", {"maxv": 2}, None),
        ("ScaleIntensityRangePercentilesd",
         {"lower": 1, "upper": 99, "b_min": 0, "b_max": 1, "clip": True}, "percentile_1_99"),
        ("ScaleIntensityRangePercentilesd", {"lower": 5, "upper": 95, "b_min": 0, "b_max": 1}, None),
        ("ScaleIntensityRanged", {"a_min": 0}, None),
    ],
)  # fmt: skip
def test_a_normalization_is_the_cards_own_or_asked(kind, arguments, how):
    said, guessed, notes = before((kind, arguments))
    assert said.get("normalisation") == how
    assert ("normalisation" in guessed) == (how is None)
    assert bool(notes) == (how is None)


def test_of_linear_scalings_the_last_decides():
    assert before(("ScaleIntensityd", {}), ("NormalizeIntensityd", {}))[0]["normalisation"] == "zscore"
    moved = before(("ScaleIntensityd", {}), ("NormalizeIntensityd", {"nonzero": True}))
    assert "normalisation" not in moved[0], "the zeros that it leaves out have been moved"


def test_all_channels_together_is_none_of_ours():
    assert "normalisation" not in before(("NormalizeIntensityd", {}), channels=2)[0]
    assert before(("NormalizeIntensityd", {"channel_wise": True}), channels=2)[0]["normalisation"] == "zscore"


def test_slices_are_normalized_by_their_volume_here_which_is_told():
    said, guessed, notes = before(("NormalizeIntensityd", {}), dims=2)
    assert "normalisation" not in said
    assert guessed["normalisation"] == "zscore"
    assert "whole volume" in notes[0]


def test_geometry_goes_into_the_card():
    said, guessed, notes = before(
        ("LoadImaged", {"keys": "image"}), ("Orientationd", {"axcodes": "LPS"}),
        ("Spacingd", {"pixdim": [1, 1, 2], "mode": "bilinear"}), ("CropForegroundd", {"source_key": "image"}),
    )  # fmt: skip
    assert said == {
        "orientation": "LPS", "spacing_mm": (1, 1, 2), "interpolation": "points", "crop_to_head": True
    }  # fmt: skip
    assert "orientation" not in guessed
    (note,) = notes
    assert "crops images after it has resampled them" in note


@pytest.mark.parametrize(
    "steps",
    [
        [("Spacingd", {"pixdim": [1, 1, 3]}), ("Orientationd", {"axcodes": "RAS"})],
        [("Orientationd", {"axcodes": "RAS"}), ("NormalizeIntensityd", {}), ("Spacingd", {"pixdim": 2.0})],
        [("Orientationd", {"axcodes": "RAS"}), ("Spacingd", {"pixdim": 2.0, "diagonal": True})],
        [("Orientationd", {"axcodes": "RAS"}), ("Spacingd", {"pixdim": 2.0, "padding_mode": "zeros"})],
        [("Orientationd", {"axcodes": "RAS"}), ("Spacingd", {"pixdim": 2.0, "mode": 3})],
    ],
)
def test_a_resampling_in_another_order_or_way_is_told_and_asked(steps):
    said, guessed, notes = before(*steps)
    assert "spacing_mm" not in said
    assert "spacing_mm" in guessed
    assert "Spacingd" in notes[0]


def test_one_voxel_size_is_that_of_all_axes():
    said, _, _ = before(("Orientationd", {"axcodes": "RAS"}), ("Spacingd", {"pixdim": 2.0}))
    assert said["spacing_mm"] == (2.0, 2.0, 2.0)


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [("Spacingd", {"pixdim": [1, 1], "mode": "bilinear"}),
     ("Spacingd", {"pixdim": [1, 1, 1], "mode": "nearest"}),
     ("Orientationd", {"axcodes": "RAS", "labels": 3}), ("RandFlipd", {"prob": 0.5})],
)  # fmt: skip
def test_what_the_card_cannot_express_is_told(kind, arguments):
    said, _, notes = before((kind, arguments))
    assert said in ({}, {"interpolation": "points"})
    assert f"also prepares images by {kind}" in notes[0]


def test_a_crop_after_a_z_score_is_another_crop():
    said, _, notes = before(("NormalizeIntensityd", {}), ("CropForegroundd", {"source_key": "image"}))
    assert "crop_to_head" not in said
    assert "CropForegroundd" in notes[0]


@pytest.mark.parametrize(
    ("arguments", "activation"),
    [
        ({"argmax": True}, "softmax"),
        ({"sigmoid": True}, "sigmoid"),
        ({"softmax": True, "argmax": True}, "softmax"),
    ],
)
def test_the_activation_is_read_from_what_follows(arguments, activation):
    said, guessed, notes = after(("Activationsd", arguments))
    assert said["activation"] == activation
    assert guessed == {}
    assert notes == ()


def test_another_threshold_or_step_is_told():
    for step in (
        ("AsDiscreted", {"threshold": 0.3}),
        ("KeepLargestConnectedComponentd", {"applied_labels": 1}),
    ):
        _, guessed, notes = after(step)
        assert guessed == {"activation": "softmax"}
        assert step[0] in notes[0]


def test_a_logit_above_0_is_a_probability_above_half():
    assert after(("AsDiscreted", {"threshold": 0.0})) == ({"activation": "sigmoid"}, {}, ())
    said, _, notes = after(("Activationsd", {"sigmoid": True}), ("AsDiscreted", {"threshold": 0.0}))
    assert said == {"activation": "sigmoid"}
    assert "threshold 0.0" in notes[0]


SOFTMAX, ARGMAX = ("Activationsd", {"softmax": True}), ("AsDiscreted", {"argmax": True})
LINEAR = ("Invertd", {"nearest_interp": False})


@pytest.mark.parametrize(
    ("steps", "interpolated"),
    [
        ((LINEAR, SOFTMAX, ARGMAX), "logits"),
        ((SOFTMAX, LINEAR, ARGMAX), "probabilities"),
        ((SOFTMAX, ARGMAX, LINEAR), "nearest"),
        ((SOFTMAX, ("Invertd", {}), ARGMAX), "nearest"),
        ((SOFTMAX, ARGMAX), "nearest"),
    ],
)
def test_what_is_interpolated_on_the_way_back_depends_on_the_order_of_the_steps(steps, interpolated):
    said, guessed = {"spacing_mm": (2.0, 2.0, 2.0)}, {}
    config = BundleConfig(
        {"postprocessing": [{"_target_": kind, **rest} for kind, rest in steps]}, "inference"
    )
    assert describe_postprocessing(config, said, guessed) == ()
    assert said["interpolated"] == interpolated


def test_of_a_volume_what_is_added_around_it_is_zero_after_the_normalization():
    assert before(("NormalizeIntensityd", {}))[0]["interpolation"] == "points"
    assert "interpolation" not in before(("NormalizeIntensityd", {}), dims=2)[0]
