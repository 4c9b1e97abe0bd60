from __future__ import annotations

import re

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QTextBrowser

from napari_osuda.method import PRESETS
from napari_osuda.session.review.tools.use import Tool
from napari_osuda.widgets.adapt.words import METHOD_SUMMARIES
from napari_osuda.widgets.help import HelpButton
from napari_osuda.widgets.help.button import help_page
from napari_osuda.widgets.review.keys import KEYS
from napari_osuda.widgets.review.tools.words import IN_RANGE, TITLES
from napari_osuda.widgets.review.words import EXPORT, SAVE, rest


@pytest.mark.parametrize("panel", ["adapt", "monitor", "review"])
def test_each_panel_has_a_page_of_short_sentences(panel, qtbot):
    button = HelpButton(panel)
    qtbot.addWidget(button)
    button.show()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    opened = button.window_
    assert opened is not None
    text = opened.findChild(QTextBrowser).toPlainText()
    assert panel.capitalize() in text
    for sentence in re.split(r"(?<=[.:?])\s|\n\n|\n(?=[ #*-])", re.sub(r"[*#|]", " ", help_page(panel))):
        assert len(sentence.split()) <= 28, sentence
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert button.window_ is opened
    opened.close()
    qtbot.waitUntil(lambda: button.window_ is None)


def test_the_page_of_the_review_names_its_buttons_and_keys_as_they_are():
    page = help_page("review")
    for words in (*TITLES.values(), IN_RANGE, EXPORT, rest("after"), SAVE):
        assert words in page
    assert len(TITLES) == len(Tool) - 1
    for action in ("overlay", "side", "difference", "final", "edit"):
        assert f"({KEYS[action][0]})" in page


def test_every_method_is_said_in_plain_words():
    assert set(METHOD_SUMMARIES) == set(PRESETS)
    assert all(len(words.split()) <= 25 for words in METHOD_SUMMARIES.values())
