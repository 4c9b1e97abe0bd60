"""What takes long to load does not stop the window, and is there before another thread needs it."""

from __future__ import annotations

import ast
import gc
import os
import sys
import threading
import time
from pathlib import Path

import pytest
from qtpy.QtCore import QObject

import napari_osuda
from napari_osuda.widgets.qt.libraries import COMPILER, CORE, Linking, Loading, link, load

LIMIT = 60_000


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Four modules that take a while and remember the thread that they were loaded on."""
    names = [f"osuda_loaded_{number}" for number in range(4)]
    for name in names:
        lines = ("import threading, time", "time.sleep(0.04)", "thread = threading.current_thread()")
        (tmp_path / f"{name}.py").write_text("\n".join(lines))
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    return names


def loaded(modules):
    return [name in sys.modules for name in modules]


def test_the_first_kind_is_loaded_on_a_thread_once_the_window_is_up(qtbot, modules):
    owner, told = QObject(), []
    loading = Loading(owner, modules[:2], modules[2:])
    loading.core_loaded.connect(lambda: told.append(loaded(modules)))
    time.sleep(0.1)
    assert not any(loaded(modules))
    qtbot.waitUntil(lambda: loading.done, timeout=LIMIT)
    assert told == [[True, True, False, False]]
    main = threading.main_thread()
    assert [sys.modules[name].thread is main for name in modules] == [False, False, True, True]


def test_the_compiler_is_loaded_one_module_a_turn(qtbot, modules):
    owner = QObject()
    loading = Loading(owner, (), modules)
    qtbot.waitUntil(lambda: modules[0] in sys.modules, timeout=LIMIT)
    assert modules[3] not in sys.modules
    qtbot.waitUntil(lambda: loading.done, timeout=LIMIT)
    assert all(loaded(modules))


@pytest.mark.parametrize("has_begun", [False, True])
def test_what_is_left_is_loaded_at_once_before_another_thread_needs_it(qapp, modules, has_begun):
    owner = QObject()
    loading = Loading(owner, [modules[0], "osuda_that_is_not_there", modules[1]], modules[2:])
    if has_begun:
        loading._next()
    loading.finish(True)
    assert loading.done
    assert all(loaded(modules))


def test_what_waits_for_all_is_done_on_the_windows_thread(qtbot, modules):
    owner, seen = QObject(), []
    loading = Loading(owner, modules[:2], modules[2:])
    loading.when_done(lambda: seen.append((loaded(modules), threading.current_thread())))
    assert not seen
    qtbot.waitUntil(lambda: bool(seen), timeout=LIMIT)
    loading.when_done(lambda: seen.append("at once"))
    assert seen == [([True] * 4, threading.main_thread()), "at once"]


def test_a_window_that_is_closed_meanwhile_begins_and_is_told_nothing_more(qtbot, modules):
    owner, seen = QObject(), []
    loading = Loading(owner, modules[:2], modules[2:])
    loading.core_loaded.connect(lambda: seen.append("core"))
    loading.when_done(lambda: seen.append("all"))
    loading._next()
    qtbot.waitUntil(lambda: modules[0] in sys.modules, timeout=LIMIT)
    loading.close()
    assert not loading._thread.is_alive()
    qtbot.wait(150)
    assert not any(loaded(modules)[2:])
    assert not seen


def test_a_window_that_is_destroyed_without_a_word_leaves_no_thread(qtbot, modules):
    owner = QObject()
    loading = Loading(owner, modules, ())
    loading._next()
    qtbot.waitUntil(lambda: modules[0] in sys.modules, timeout=LIMIT)
    with qtbot.waitSignal(loading.destroyed):
        owner.deleteLater()
    assert not loading._thread.is_alive()


def test_who_wants_a_library_that_is_being_loaded_gets_it_whole(qapp, modules):
    owner = QObject()
    loading = Loading(owner, modules[:2], ())
    loading._next()
    assert load(modules[0])
    assert load(modules[1])
    assert sys.modules[modules[1]].thread is loading._thread


@pytest.mark.skipif(os.name != "posix", reason="on Windows torch links its libraries itself")
def test_torchs_libraries_are_linked_just_before_its_import_wants_them(tmp_path, monkeypatch):
    linked = []
    monkeypatch.setattr("napari_osuda.widgets.qt.libraries.link", linked.append)
    (tmp_path / "lib").mkdir()
    library = tmp_path / "lib" / "libtorch.so"
    for name in ("libtorch.so", "libtorch_cpu.so", "libtorch_python.so"):
        (tmp_path / "lib" / name).touch()
    with Linking():
        finder = sys.meta_path[0]
        assert finder.find_spec("torch._C", [str(tmp_path)]) is None
        assert finder.find_spec("torch.nn", [str(tmp_path)]) is None
        assert finder.find_spec("torch._C", [str(tmp_path / "lib")]) is None
        assert finder.find_spec("torch._C") is None
    assert linked == [library]
    assert finder not in sys.meta_path


@pytest.mark.skipif(os.name != "posix", reason="on Windows torch links its libraries itself")
def test_what_cannot_be_linked_is_left_to_the_import(tmp_path):
    (tmp_path / "lib").mkdir()
    broken = tmp_path / "lib" / "libtorch.so"
    broken.write_text("no library")
    assert not link(broken)
    assert Linking().find_spec("torch._C", [str(tmp_path)]) is None


def test_torch_has_the_library_that_is_linked():
    torch = pytest.importorskip("torch")
    if os.name == "posix":
        (library,) = (Path(torch.__file__).parent / "lib").glob("libtorch.[sd][oy]*")
        assert link(library)


@pytest.mark.parametrize("ended", ["done", "closed", "gone"])
def test_python_collects_nothing_until_all_is_loaded(qtbot, modules, ended):
    assert gc.isenabled()
    owner = QObject()
    loading = Loading(owner, modules[:2], modules[2:])
    other = Loading(QObject(loading), (), ())
    assert not gc.isenabled()
    other.finish()
    assert not gc.isenabled()
    if ended == "done":
        loading.finish()
    elif ended == "closed":
        loading.close()
    else:
        loading.deleteLater()
    qtbot.waitUntil(gc.isenabled, timeout=LIMIT)


def test_what_is_loaded_is_there_in_this_torch():
    assert all(load(name) for name in (*CORE, *COMPILER))


def test_no_module_wants_a_part_of_a_library_before_the_whole():
    """A part of a library that another thread is loading is had half made, where the whole is waited for."""
    threaded = {"torch", "pandas"}
    parts_first = []
    for path in Path(napari_osuda.__file__).parent.rglob("*.py"):
        whole: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            else:
                continue
            whole |= threaded & set(names)
            parts_first += [(path.name, name) for name in names if name.split(".")[0] in threaded - whole]
    assert parts_first == []


@pytest.mark.viewer
def test_a_model_is_read_once_all_is_there(adapt_widget):
    assert adapt_widget.libraries.done
