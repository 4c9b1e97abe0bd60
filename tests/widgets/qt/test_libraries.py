"""What takes long to load is loaded in turns, and is there before another thread needs it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from qtpy.QtCore import QObject

from napari_osuda.widgets.qt.libraries import COMPILER, Loading, load


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names = [f"osuda_loaded_{number}" for number in range(3)]
    for name in names:
        (tmp_path / f"{name}.py").write_text("")
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    return names


def test_one_module_a_turn_after_what_asked_for_it_is_shown(qtbot, modules):
    owner = QObject()
    loading = Loading(owner, modules)
    assert not any(name in sys.modules for name in modules)
    qtbot.waitUntil(lambda: modules[0] in sys.modules)
    assert modules[2] not in sys.modules
    qtbot.waitUntil(lambda: loading.done)
    assert all(name in sys.modules for name in modules)


def test_what_is_left_is_loaded_at_once_before_another_thread_needs_it(qtbot, modules):
    owner = QObject()
    loading = Loading(owner, [modules[0], "osuda_that_is_not_there", modules[1]])
    loading.finish(True)
    assert loading.done
    assert modules[0] in sys.modules
    assert modules[1] in sys.modules


def test_what_is_loaded_in_turns_is_there_in_this_torch():
    assert all(load(name) for name in COMPILER)


@pytest.mark.viewer
def test_a_model_is_read_once_the_compiler_is_there(adapt_widget):
    assert adapt_widget.libraries.done
