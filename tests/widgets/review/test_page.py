from __future__ import annotations

from html import unescape

import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QWidget
from review_parts import review_case

from napari_osuda.widgets.qt.theme import palette
from napari_osuda.widgets.review import words
from napari_osuda.widgets.review.page import ReviewPage


@pytest.fixture
def page(qtbot):
    owner = QWidget()
    owner.viewer = ViewerModel()
    qtbot.addWidget(owner)
    found = ReviewPage(owner, palette("dark"))
    found.owner = owner
    return found


def test_without_a_case_there_is_nothing_to_decide(page):
    page.set_case(None)
    assert page.body.isHidden()
    assert page.foot.isHidden()
    page.set_empty("", again=True)
    assert page.empty.text() == words.EMPTY
    assert not page.last_button.isHidden()
    page.tell("55 slices need a new decision.", True)
    page.set_empty("The case <7> is closed.", again=False)
    assert page.note.text() == "", "what was said of a case does not outlive it"
    assert "&lt;7&gt;" in page.empty.text()
    assert page.last_button.isHidden()


def test_the_verdict_comes_first_and_its_reasons_behind_a_click(page):
    page.set_case(review_case("keep-source", reasons=("The core is <missing>.",)))
    assert f"<b>{words.headline(review_case('keep-source'))}</b>" in page.advice.text()
    assert "missing" not in page.advice.text()
    page.advice.linkActivated.emit("why")
    assert "The core is <missing>." in unescape(page.advice.text())
    assert words.LESS in page.advice.text()
    page.advice.linkActivated.emit("why")
    assert "missing" not in page.advice.text()


def test_a_verdict_without_reasons_has_no_details(page):
    page.set_case(review_case("accept", reasons=()))
    assert words.DETAILS not in page.advice.text()


def test_what_failed_is_marked_and_goes_when_it_is_mended(page):
    page.tell("Enter your <name> first.", bad=True)
    assert words.TRIANGLE in page.note.text()
    assert "&lt;name&gt;" in page.note.text()
    page.name.textEdited.emit("D")
    assert page.note.isHidden()
    page.tell("Saved.")
    assert words.TRIANGLE not in page.note.text()


def test_the_worklist_is_filled_only_where_it_is_another(page):
    page.set_worklist(["to do: a", "to do: b"], 1)
    assert page.case.currentText() == "to do: b"
    page.set_worklist(["done: a", "to do: b"], 0)
    assert [page.case.itemText(row) for row in range(page.case.count())] == ["done: a", "to do: b"]
    assert page.case.toolTip().startswith("done: a")
    page.set_worklist([], -1)
    assert page.case.isHidden()
