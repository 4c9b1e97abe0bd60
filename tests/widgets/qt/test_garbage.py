from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from napari_osuda.widgets.qt.garbage import clear_up, hold, release, set_aside, window_closed

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


def test_collections_are_held_up_while_anyone_holds_and_left_off_where_they_were_off():
    first, second = object(), object()
    hold(first)
    hold(second)
    hold(second)
    release(first)
    release(first)
    assert not gc.isenabled()
    release(second)
    assert gc.isenabled()
    gc.disable()
    try:
        hold(first)
        release(first)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_at_its_end_python_collects_what_was_set_aside():
    lines = (
        "import gc, atexit",
        "from napari_osuda.widgets.qt.garbage import hold, set_aside",
        "atexit.register(lambda: print(gc.get_freeze_count(), gc.isenabled()))",
        "hold(1); set_aside(); assert gc.get_freeze_count() and not gc.isenabled()",
    )
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["0", "True"]
