from __future__ import annotations

import pytest
from qtpy.QtWidgets import QPushButton

from napari_osuda.widgets.qt.words import NoteLabel, WrappedLabel, enable, time_left


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0.2, "a few seconds left"),
        (42, "about 42 s left"),
        (600, "about 10 min left"),
        (9000, "about 2.5 h left"),
    ],
)
def test_time_left(seconds, words):
    assert time_left(seconds) == words


@pytest.mark.parametrize("late", [False, True])
def test_a_text_that_wraps_asks_for_the_height_that_its_width_needs(qtbot, late):
    text = "a text that wraps in a narrow dock " * 10
    label = WrappedLabel("" if late else text)
    qtbot.addWidget(label)
    if late:
        label.setText(text)
    assert label.hasHeightForWidth()
    assert label.sizePolicy().hasHeightForWidth()
    assert label.heightForWidth(150) > 2 * label.heightForWidth(600)
    assert label.minimumWidth() == 1


def test_a_note_is_there_only_while_it_says_something_and_is_text(qtbot):
    note = NoteLabel()
    qtbot.addWidget(note)
    assert note.isHidden()
    note.tell("The case <7> was saved.", "<a href='x'>Undo</a>")
    assert not note.isHidden()
    assert note.text() == "The case &lt;7&gt; was saved.<a href='x'>Undo</a>"
    note.tell("")
    assert note.isHidden()


def test_a_grayed_button_says_why(qtbot):
    button = QPushButton()
    qtbot.addWidget(button)
    enable(button, "Saves the mask", "There is no mask.")
    assert (button.isEnabled(), button.toolTip()) == (False, "There is no mask.")
    enable(button, "Saves the mask")
    assert (button.isEnabled(), button.toolTip()) == (True, "Saves the mask")
