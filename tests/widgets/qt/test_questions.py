from __future__ import annotations

import pytest
from qtpy.QtWidgets import QWidget

from napari_osuda.widgets.qt.questions import CANCEL, ask


@pytest.fixture
def parent(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


def click(box, title):
    next(button for button in box.buttons() if button.text().replace("&", "") == title).click()


@pytest.mark.parametrize(("title", "done"), [("Replace", ["Replace"]), ("Leave", ["Leave"]), (CANCEL, [])])
def test_the_answer_is_done_and_cancel_does_nothing(parent, qtbot, title, done):
    acts = []
    box = ask(
        parent,
        "Replace the edit?",
        {name: lambda name=name: acts.append(name) for name in ("Replace", "Leave")},
    )
    assert box.text() == "Replace the edit?"
    with qtbot.waitSignal(box.finished):
        click(box, title)
    assert acts == done


def test_enter_means_the_first_and_escape_cancels(parent, qtbot):
    acts = []
    box = ask(parent, "Sure?", {"Yes": lambda: acts.append("yes")})
    assert box.defaultButton().text().replace("&", "") == "Yes"
    with qtbot.waitSignal(box.finished):
        box.escapeButton().click()
    assert not acts
