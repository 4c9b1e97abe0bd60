"""What takes long to load is loaded in turns off the window's thread, and is there before it is needed."""

from __future__ import annotations

import builtins
import sys
import threading
import time
from pathlib import Path

import pytest
from qtpy.QtCore import QObject

from napari_osuda.widgets.qt.background import Background
from napari_osuda.widgets.qt.libraries import COMPILER, Loading, load, wait_until_loaded

LIMIT = 60_000


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three modules, each of which imports another and takes a while."""
    names = [f"osuda_loaded_{number}" for number in range(3)]
    for name in names:
        lines = (
            "import threading, time",
            "time.sleep(0.04)",
            f"import {name}_inside",
            "thread = threading.current_thread()",
        )
        (tmp_path / f"{name}.py").write_text("\n".join(lines))
        (tmp_path / f"{name}_inside.py").write_text("")
        monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.delitem(sys.modules, f"{name}_inside", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    return names


@pytest.fixture
def loading_of():
    """Makes loadings, and ends them."""
    made = []
    plain = builtins.__import__

    def make(names):
        owner = QObject()
        loading = Loading(owner, names)
        made.append((owner, loading))
        return loading

    yield make
    for _, loading in made:
        loading.close()
        assert loading.ended.wait(60)
    assert builtins.__import__ is plain


def test_nothing_is_loaded_before_the_window_has_turns_to_give(qtbot, modules, loading_of):
    loading = loading_of(modules)
    time.sleep(0.05)
    assert not any(name in sys.modules for name in modules)
    with qtbot.waitSignal(loading.loaded, timeout=LIMIT):
        pass
    assert loading.done
    assert all(sys.modules[name].thread is not threading.main_thread() for name in modules)


def test_what_is_not_there_is_left_out(qtbot, modules, loading_of):
    loading = loading_of([modules[0], "osuda_that_is_not_there", modules[1]])
    qtbot.waitUntil(lambda: loading.done, timeout=LIMIT)
    assert modules[1] in sys.modules


def test_the_windows_thread_may_want_what_is_half_loaded(qtbot, modules, loading_of):
    loading = loading_of(modules)
    loading._next()
    # It has no turn now, and stands at an import within the first module, or before the second.
    for name in modules:
        load(name)
    assert all(name in sys.modules for name in modules)
    qtbot.waitUntil(lambda: loading.done, timeout=LIMIT)


def test_other_threads_wait_for_all_of_it_and_the_window_goes_on(qtbot, modules, loading_of):
    loading, owner, seen = loading_of(modules), QObject(), []
    background = Background(owner)
    background.done.connect(seen.append)
    background.run(lambda: loading.done)
    free = Background(owner, needs_libraries=False)
    free.run(lambda: None)
    qtbot.waitUntil(lambda: not free.busy, timeout=LIMIT)
    qtbot.waitUntil(lambda: bool(seen), timeout=LIMIT)
    assert seen == [True]


def test_without_a_window_what_is_left_is_loaded_at_once(modules, loading_of):
    loading = loading_of(modules)
    loading._next()
    loading.close()
    assert loading.ended.wait(60)
    assert all(name in sys.modules for name in modules)
    # What was not begun is not loaded at all, and nobody waits for it.
    unbegun = loading_of(["osuda_that_is_not_there"])
    unbegun.close()
    assert unbegun.done


def test_what_is_there_already_takes_no_thread(qtbot, loading_of):
    loading = loading_of(["sys"])
    assert loading.done
    wait_until_loaded()
    with qtbot.waitSignal(loading.loaded, timeout=LIMIT):
        pass


def test_what_is_loaded_in_turns_is_there_in_this_torch():
    assert all(load(name) for name in COMPILER)


@pytest.mark.viewer
def test_a_model_is_read_once_the_compiler_is_there(adapt_widget):
    assert adapt_widget.libraries.done
