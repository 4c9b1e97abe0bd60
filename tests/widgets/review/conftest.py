"""A run folder, and the Review panel on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import QSettings
from review_parts import write_run
from review_widgets import SHAPE, docked


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path) -> None:
    QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", ("case", "a second case with quite a long name"), SHAPE)


@pytest.fixture
def empty(make_napari_viewer: Any) -> Any:
    return make_napari_viewer()


@pytest.fixture
def widget(empty: Any, folder: Path, qtbot: Any) -> Iterator[Any]:
    widget = docked(empty)
    widget.open_folder(folder)
    assert widget.review is not None, widget.page.note.text()
    yield widget
    if not widget._ended:
        empty.window.remove_dock_widget(widget)


@pytest.fixture
def tools(widget: Any) -> Any:
    """The tools, seen."""
    page = widget.page
    page.tabs.setCurrentIndex(2)
    assert page.tabs.tabText(2) == "Tools"
    return page.tools
