from __future__ import annotations

import pytest

from napari_osuda.widgets.qt.words import time_left


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0.2, "a few seconds left"),
        (42, "about 42 s left"),
        (600, "about 10 min left"),
        (9000, "about 2.5 h left"),
    ],
)
def test_time_left(seconds, words):
    assert time_left(seconds) == words
