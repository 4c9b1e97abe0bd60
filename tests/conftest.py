"""What tests with windows need, and the check that they leave nothing behind."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings

# How quick examples come says how busy the machine is.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_configure(config: pytest.Config) -> None:
    """A wait ends once what it waits for is there; how long that takes says how busy the machine is."""
    if config.pluginmanager.hasplugin("pytest-qt"):
        from pytestqt.qtbot import QtBot

        for wait in (QtBot.waitUntil, QtBot.waitSignal, QtBot.waitExposed):
            wait.__kwdefaults__["timeout"] = 60_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Pass over what Windows cannot have."""
    if os.name == "nt":
        for item in items:
            if item.get_closest_marker("posix"):
                item.add_marker(pytest.mark.skip(reason="Windows has no such thing"))


@pytest.fixture(autouse=True)
def _own_memory_of_models(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No test reads or writes the settings of the person who runs it, nor those of another test."""
    own = tmp_path_factory.getbasetemp() / "settings" / str(abs(hash(request.node.nodeid)))
    monkeypatch.setenv("OSUDA_CONFIG", str(own))


@pytest.fixture
def _quick_collections(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test with windows collects garbage many times: let Python look only at what came with the test.

    Going through all of torch and napari takes 0.3 s, and through what a viewer holds 0.05 s. What is closed
    is collected at the end of the test, as in the product.
    """
    if "qtbot" not in request.fixturenames or "test_garbage" in request.node.nodeid:
        yield
        return
    from napari._vispy import canvas

    gc.freeze()
    # napari's own collection after every layer is for the drivers of graphics cards.
    with mock.patch.object(gc, "unfreeze"), mock.patch.object(canvas, "gc", mock.Mock(), create=True):
        yield


@pytest.fixture(autouse=True)
def _nothing_left_behind(request: pytest.FixtureRequest, _quick_collections: None) -> Iterator[None]:
    """No thread of ours, no window, no cockpit and no interception of torch outlives a test."""
    if "qtbot" in request.fixturenames:
        # Torn down before this, so that what is left after it is a leak.
        qtbot = request.getfixturevalue("qtbot")
        before = {id(window) for window in _windows()}
    yield
    for thread in threading.enumerate():
        # It ends by itself, and goes on for seconds in the first test of a process that opens a panel.
        if thread.name == "osuda-libraries":
            thread.join(60.0)
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("osuda-")]
    assert not left, f"threads left running: {left}"
    if "torch" in sys.modules:
        import torch

        assert not torch.overrides._get_current_function_mode_stack(), "torch is still intercepted"
    if "qtbot" in request.fixturenames and "napari_osuda.widgets.cockpit.cockpit" in sys.modules:
        from napari_osuda.widgets.cockpit import cockpit

        assert not cockpit._COCKPITS, "a cockpit outlived its viewer's widgets"
        qtbot.waitUntil(lambda: _no_more_than(before), timeout=30_000)


def _no_more_than(before: set[int]) -> None:
    left = [window for window in _windows() if id(window) not in before]
    if left:
        # What Qt deletes on the event loop sets Python's cycles free, and these hold windows in turn.
        told = [f"{type(window).__name__} {window.objectName()!r}" for window in left]
        del left
        gc.collect()
        raise AssertionError(f"windows left open: {told}")


def _windows() -> list[Any]:
    from qtpy.QtWidgets import QApplication

    # vispy keeps its canvas for itself (napari's own fixture passes it over as well). pyqtgraph's context
    # menus have no parent and go with their plots when Python's collector comes by, at a time of its own.
    return [
        widget
        for widget in QApplication.topLevelWidgets()
        if type(widget).__name__ not in ("CanvasBackendDesktop", "QMenu")
        and widget.objectName() != "handled_widget"
    ]
