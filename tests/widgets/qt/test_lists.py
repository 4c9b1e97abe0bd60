from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_osuda.widgets.qt.lists import combo_box


@pytest.mark.parametrize("width", ["own", "short", "any"])
def test_a_list_has_a_name_for_screen_readers_and_can_be_squeezed(qtbot, width):
    combo = combo_box("Mask", ("adapted", "original" * 40), tip="Which mask is shown", width=width)
    qtbot.addWidget(combo)
    assert combo.accessibleName() == "Mask"
    assert combo.toolTip() == "Which mask is shown"
    assert combo.currentText() == "adapted"
    combo.resize(60, combo.height())
    assert combo.width() == 60


def test_long_lines_that_differ_at_their_end_look_different(qtbot):
    name = "a hospital with very long names of its series"
    boxes = [combo_box("Channel", [f"{name} {contrast}"]) for contrast in ("t2", "flair", "t2")]
    pictures = []
    for box in boxes:
        qtbot.addWidget(box)
        box.resize(140, 24)
        pictures.append(box.grab().toImage())
    assert pictures[0] != pictures[1]
    assert pictures[0] == pictures[2]


LINES = ("osuda", "osuda-se", "tent", "intent", "contrast-only", "source-only")


@pytest.fixture
def opened(qtbot):
    """A list that is open, and what it shows."""
    combo = combo_box("Method", LINES)
    qtbot.addWidget(combo)
    combo.show()
    qtbot.waitExposed(combo)
    combo.showPopup()
    view = combo.view()
    qtbot.waitUntil(view.isVisible)
    yield combo, lambda: [combo.itemText(row) for row in range(combo.count()) if not view.isRowHidden(row)]
    combo.hidePopup()


def test_typing_narrows_an_open_list_and_enter_takes_what_is_left(opened, qtbot):
    combo, shown = opened
    chosen = []
    combo.activated.connect(lambda row: chosen.append(combo.itemText(row)))
    QTest.keyClicks(combo.view(), "TEN")
    assert shown() == ["tent", "intent"]
    QTest.keyClicks(combo.view(), "q")
    assert shown() == ["tent", "intent"], "a letter that fits no line changes nothing"
    for _ in range(3):
        QTest.keyClick(combo.view(), Qt.Key.Key_Backspace)
    assert shown() == [*LINES]
    QTest.keyClicks(combo.view(), "inte")
    QTest.keyClick(combo.view(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: chosen == ["intent"])
    assert combo.currentText() == "intent"
    combo.showPopup()
    qtbot.waitUntil(combo.view().isVisible)
    assert shown() == [*LINES], "the next time all lines are there"


def test_escape_leaves_the_choice_as_it_was(opened, qtbot):
    combo, _ = opened
    QTest.keyClicks(combo.view(), "source")
    QTest.keyClick(combo.view(), Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not combo.view().isVisible())
    assert combo.currentText() == "osuda"


def test_a_shut_list_goes_to_any_line_again(opened, qtbot):
    combo, _ = opened
    QTest.keyClicks(combo.view(), "source")
    QTest.keyClick(combo.view(), Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not combo.view().isVisible())
    QTest.keyClick(combo, "t")
    assert combo.currentText() == "tent"


# The program's end takes the application first, and its lists after.
ENDS_OPEN = """
from qtpy.QtWidgets import QApplication
from napari_osuda.widgets.qt.lists import combo_box
app = QApplication([])
lists = [combo_box("Method", ("osuda", "tent")) for _ in range(200)]
for one in lists[:100]:
    one.showPopup()
app.processEvents()
"""


def test_a_program_that_ends_while_lists_are_open_ends_well():
    code, unseen = [sys.executable, "-c", ENDS_OPEN], {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    assert subprocess.run(code, check=False, capture_output=True, env=unseen).returncode == 0


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.sampled_from("osudaent-xYZ q"), max_size=6))
def test_whatever_is_typed_nothing_but_a_line_can_be_chosen(opened, text):
    combo, shown = opened
    assert not combo.isEditable()
    QTest.keyClicks(combo.view(), text)
    assert shown()
    assert combo.currentText() in LINES
    combo.view()._narrow("")
