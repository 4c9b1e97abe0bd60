from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from napari_osuda.cli.screenshot import most_marked
from napari_osuda.napari_layers.masks import RESULT_KEY


def layer(role, marked=None):
    data = np.zeros((4, 3, 3), np.uint8)
    if marked is not None:
        data[marked] = 1
    return SimpleNamespace(metadata={} if role is None else {RESULT_KEY: role}, data=data)


def test_the_slice_with_most_of_the_adapted_mask_is_pictured():
    assert most_marked([layer(None, 0), layer("before", 1), layer("after", 2)]) == 2


def test_an_empty_adapted_mask_gives_way_to_the_original():
    assert most_marked([layer("before", 1), layer("after")]) == 1
    assert most_marked([layer("before"), layer(None, 3)]) is None
