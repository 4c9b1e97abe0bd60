from __future__ import annotations

from types import SimpleNamespace

import pytest

from napari_osuda.widgets.adapt.inputs.matching import guess, missing_channels


def layers(*names):
    return [SimpleNamespace(name=name) for name in names]


@pytest.mark.parametrize(
    ("names", "channels", "found"),
    [
        (("a_t1", "a_t2"), ("t2", "t1"), {"t2": "a_t2", "t1": "a_t1"}),
        (("a_t1", "b_t1"), ("t1",), {"t1": "b_t1"}),
        (("a_t1",), ("t1", "t2"), {"t1": "a_t1"}),
        (("a_t1", "a_flair"), ("t2",), {"t2": "a_flair"}),
        (("scan",), ("t2",), {"t2": "scan"}),
        ((), ("t2",), {}),
    ],
)
def test_images_are_found_by_name_the_newest_first(names, channels, found):
    assert {channel: layer.name for channel, layer in guess(layers(*names), channels).items()} == found


def test_what_a_model_lacks_is_told_but_a_single_channel_takes_any_contrast():
    four = ("t1", "t1ce", "t2", "flair")
    assert missing_channels(four, ["a_t1", "a_t2"]) == ("t1ce", "flair")
    assert missing_channels(("t2",), ["a_t1"]) == ()
    assert missing_channels(("t2",), []) == ("t2",)
