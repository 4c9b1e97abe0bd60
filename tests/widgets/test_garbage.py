from __future__ import annotations

import gc
import weakref

import pytest

from napari_osuda.widgets._garbage import clear_up, set_aside, take_back, window_closed

pytestmark = pytest.mark.viewer


class Loop:
    """Holds itself."""

    def __init__(self):
        self.me = self


@pytest.fixture(autouse=True)
def nothing_set_aside():
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_what_is_set_aside_is_out_of_collections_until_it_is_taken_back():
    loop = Loop()
    left = weakref.ref(loop)
    set_aside()
    assert gc.get_freeze_count() > 10_000
    del loop
    gc.collect()
    assert left() is not None
    take_back()
    gc.collect()
    assert left() is None


def test_a_window_that_is_closed_during_a_run_is_collected_and_the_rest_stays_aside(qtbot):
    loop = Loop()
    left = weakref.ref(loop)
    set_aside()
    del loop
    window_closed()
    clear_up()
    assert left() is None
    assert gc.get_freeze_count() > 10_000
