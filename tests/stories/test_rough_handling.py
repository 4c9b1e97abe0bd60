"""Rough handling: the wrong order, layers deleted and renamed, themes, two viewers, storms of undo."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hand import Hand
from qtpy.QtCore import QSettings, Qt
from review_parts import write_run
from review_widgets import docked

from napari_osuda.session.review.run import ReviewRun
from napari_osuda.session.review.tools.use import Tool
from napari_osuda.widgets.planes import PlanesWidget

pytestmark = [pytest.mark.viewer, pytest.mark.slow]

SHAPE = (12, 10, 8)


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path) -> None:
    QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", ("case", "other"), SHAPE)


@pytest.fixture
def two(make_napari_viewer: Any) -> Iterator[list[Any]]:
    viewers = [make_napari_viewer(), make_napari_viewer()]
    widgets = [docked(viewer) for viewer in viewers]
    yield widgets
    for viewer, widget in zip(viewers, widgets, strict=True):
        if not widget._ended:
            viewer.window.remove_dock_widget(widget)


def _press_beyond_the_end(hand: Hand, more: Callable[[], bool], modifier: Any) -> None:
    """Undo or redo all, at most forty, and twice more than there is."""
    for _ in range(40):
        if not more():
            break
        hand.press(Qt.Key.Key_Z, modifier)
    for _ in range(2):
        hand.press(Qt.Key.Key_Z, modifier)


def test_a_storm_of_acts_and_undo_ends_where_it_began(make_napari_viewer, folder, qtbot):
    viewer = make_napari_viewer(show=True)
    review = docked(viewer)
    planes = PlanesWidget(viewer)
    viewer.window.add_dock_widget(planes, name="OSUDA: Planes")
    hand = Hand(viewer)
    # The wrong order: keys and buttons before there is anything to decide.
    for key in (Qt.Key.Key_A, Qt.Key.Key_K, Qt.Key.Key_I, Qt.Key.Key_J, Qt.Key.Key_R):
        hand.press(key)
    review.save()
    review.open_folder(folder)
    hand.wait(lambda: review.review is not None, "the run under review")
    first = review.review.final.copy()
    review.page.decide.on.setChecked(False)
    for step in range(1, 7):
        review.context.go_to(step)
        hand.press((Qt.Key.Key_A, Qt.Key.Key_K)[step % 2])
        viewer.theme = ("light", "dark")[step % 2]
        tool = list(review.page.tools.buttons)[step % 3]
        review.page.tabs.setCurrentIndex(2)
        hand.click(review.page.tools.buttons[tool])
        # The next key comes while the tool is at work: the later act counts, and nothing is mixed up.
        hand.press(Qt.Key.Key_G)
    hand.wait(lambda: not review.commands.tools.busy, "the last tool")
    assert review.review.can_undo
    undo = Qt.KeyboardModifier.ControlModifier
    _press_beyond_the_end(hand, lambda: review.review.can_undo, undo)
    assert not review.review.can_undo
    np.testing.assert_array_equal(review.review.final, first)
    redo = undo | Qt.KeyboardModifier.ShiftModifier
    _press_beyond_the_end(hand, lambda: review.review.can_redo, redo)
    again = ReviewRun.of_folder(folder).review("case")
    np.testing.assert_array_equal(again.final, review.review.final)
    # Layers renamed, deleted one by one, and all at once.
    for layer in list(viewer.layers):
        layer.name = "x" * 60
    viewer.layers.remove(review.layers.layers["after"])
    qtbot.waitUntil(lambda: review.layers.layers["after"] in viewer.layers)
    viewer.dims.ndisplay = 3
    viewer.dims.ndisplay = 2
    viewer.layers.clear()
    qtbot.waitUntil(lambda: review.review is None)
    assert "All decisions are kept" in review.page.empty.text()
    review.open_folder(folder)
    hand.wait(lambda: review.review is not None, "the run under review again")
    np.testing.assert_array_equal(review.review.final, again.final)
    # Closed while a tool is at work.
    review.page.tabs.setCurrentIndex(2)
    hand.click(review.page.tools.buttons[Tool.SMOOTH])
    viewer.window.remove_dock_widget(review)
    viewer.window.remove_dock_widget(planes)
    assert review._ended


def test_two_viewers_on_one_folder_do_not_write_over_each_other(two, folder):
    first, second = two
    first.open_folder(folder)
    second.open_folder(folder)
    first.commands.decide("before")
    second.commands.decide("before")
    assert "another window" in second.page.note.text()
    assert len(first.review.log) == 1
    assert second.review.log == []
