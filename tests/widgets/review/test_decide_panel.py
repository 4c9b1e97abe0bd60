from __future__ import annotations

import pytest

from napari_osuda.widgets.qt.theme import palette
from napari_osuda.widgets.review import words
from napari_osuda.widgets.review.decide_panel import DecidePanel


@pytest.fixture
def panel(qtbot):
    widget = DecidePanel(palette("dark"))
    qtbot.addWidget(widget)
    return widget


@pytest.mark.parametrize(
    ("button", "signal", "told"),
    [("after", "decided", "after"), ("before", "decided", "before"), ("rest_after", "rest", "after"),
     ("rest_before", "rest", "before")],
)  # fmt: skip
def test_each_button_says_which_mask(panel, qtbot, button, signal, told):
    panel.set_steps(False, False, 3)
    with qtbot.waitSignal(getattr(panel, signal)) as emitted:
        getattr(panel, button).click()
    assert emitted.args == [told]


@pytest.mark.parametrize(
    ("done", "total", "said", "ticked"),
    [(1, 4, "1 of 4 axial slices decided", False), (1, 1, "1 of 1 axial slice decided", True),
     (0, 0, "0 of 0 axial slices decided", True)],
)  # fmt: skip
def test_progress_is_counted_and_ticked_when_all_is_decided(panel, done, total, said, ticked):
    panel.set_progress(done, total, "axial")
    assert said in panel.progress.text()
    assert ("\N{CHECK MARK}" in panel.progress.text()) == ticked


def test_a_grayed_button_says_why(panel):
    panel.set_steps(can_undo=False, can_redo=True, undecided=0)
    assert not panel.undo_button.isEnabled()
    assert panel.undo_button.toolTip() == words.NOTHING_TO["undo"]
    assert panel.redo_button.isEnabled()
    assert panel.rest_after.toolTip() == words.NONE_UNDECIDED
    assert not panel.rest_before.isEnabled()


def test_a_warning_is_marked_and_a_comment_is_text(panel):
    panel.set_position("Slice 3. Flagged: <look>", "The masks contradict each other.")
    assert "&lt;look&gt;" in panel.position.text()
    assert words.TRIANGLE in panel.position.text()
    panel.set_position("Slice 3", "")
    assert words.TRIANGLE not in panel.position.text()


def test_what_the_buttons_act_on_is_there_only_where_it_is_more(panel):
    panel.set_target("")
    assert panel.target.isHidden()
    panel.set_target("The buttons act on 2 axial slices (3, 4).")
    assert not panel.target.isHidden()


def test_the_menu_decides_and_flags_the_whole_case(panel, qtbot):
    everywhere, flagged = [], []
    panel.everywhere.connect(everywhere.append)
    panel.case_flagged.connect(lambda: flagged.append(True))
    for action in panel.whole.menu().actions():
        action.trigger()
    assert everywhere == ["after", "before"]
    assert flagged == [True]
