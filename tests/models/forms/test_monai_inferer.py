from __future__ import annotations

import pytest

from napari_osuda.models.forms.monai_config import BundleConfig
from napari_osuda.models.forms.monai_inferer import describe_inferer

SLIDING = {"_target_": "SlidingWindowInferer", "roi_size": [32, 32, 32]}


def described(inferer, dims=3, **said):
    config = BundleConfig({} if inferer is None else {"inferer": inferer}, "inference")
    return said, describe_inferer(config, dims, said)


def test_windows_are_those_of_the_bundle_and_of_monai_where_it_is_silent():
    said, notes = described(SLIDING)
    assert said == {"size": (32, 32, 32), "overlap": 0.25, "windows": "constant"}
    assert notes == ()
    said, notes = described({**SLIDING, "overlap": 0.625, "mode": "gaussian", "sw_batch_size": 4})
    assert (said["overlap"], said["windows"], notes) == (0.625, "gaussian", ())


def test_a_slice_network_goes_over_its_slices_in_windows_and_shrinks_none_to_their_size():
    said, notes = described({**SLIDING, "roi_size": [64, 64]}, dims=2)
    assert said["window"] == said["minimum"] == (64, 64)
    assert "size" not in said
    assert notes == ()


def test_the_plane_is_that_along_which_the_bundle_takes_slices():
    inferer = {"_target_": "SliceInferer", "roi_size": [64, 64], "spatial_dim": 1}
    assert described(inferer, dims=2, orientation="RAS")[0]["plane"] == "coronal"
    assert "plane" not in described(inferer, dims=2)[0]


@pytest.mark.parametrize(
    ("inferer", "words"),
    [
        (None, "whole images"),
        ({"_target_": "SimpleInferer"}, "whole images"),
        ({"_target_": "SaliencyInferer"}, "whole images"),
        ({**SLIDING, "roi_size": "$[32] * 3"}, "roi_size"),
        ({**SLIDING, "roi_size": [32, 32]}, "roi_size"),
        ({**SLIDING, "overlap": [0.25, 0.5, 0.5]}, "overlap"),
        ({**SLIDING, "overlap": "$1 / 4"}, "overlap"),
        ({**SLIDING, "mode": "linear"}, "mode"),
        ({**SLIDING, "padding_mode": "reflect"}, "padding_mode"),
        ({**SLIDING, "cval": -1}, "cval"),
        ({**SLIDING, "sigma_scale": 0.5}, "sigma_scale"),
        ({**SLIDING, "process_fn": 3}, "process_fn"),
    ],
)
def test_what_is_not_done_here_is_told(inferer, words):
    (note,) = described(inferer)[1]
    assert words in note


def test_windows_of_no_size_that_is_readable_leave_the_card_open():
    said, _ = described({**SLIDING, "roi_size": [32, -1, 32]})
    assert said == {}
