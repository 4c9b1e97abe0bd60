from __future__ import annotations

import gc

import pytest

from napari_osuda.widgets.qt.garbage import clear_up, set_aside, window_closed

pytestmark = pytest.mark.viewer


def test_what_was_there_before_the_first_run_is_left_out_of_collections_until_something_is_closed(qtbot):
    gc.unfreeze()
    set_aside()
    count = gc.get_freeze_count()
    assert count > 10_000
    kept = [[] for _ in range(100)]
    set_aside()
    assert gc.get_freeze_count() <= count, f"{len(kept)} lists that came later are set aside as well"
    window_closed()
    clear_up()
    assert gc.get_freeze_count() == 0
