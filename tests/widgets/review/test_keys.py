from __future__ import annotations

from napari_osuda.widgets.review.keys import KEYS, key_text, titled


def test_every_key_is_its_own_and_has_words():
    keys = [key for key, _ in KEYS.values()]
    assert len(set(keys)) == len(keys)
    assert key_text("undo") == "Ctrl+Z"
    assert titled("Use adapted", "after") == "Use adapted (A)"
