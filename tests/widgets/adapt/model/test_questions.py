from __future__ import annotations

import pytest
from qtpy.QtWidgets import QComboBox, QLineEdit

from napari_osuda.models import Question
from napari_osuda.widgets.adapt.model.questions import QuestionForm


def question(key, default=None, choices=()):
    return Question(key=key, text=f"What is {key}?", default=default, choices=choices)


@pytest.fixture
def form(qtbot):
    widget = QuestionForm()
    qtbot.addWidget(widget)
    return widget


def test_a_choice_is_a_list_and_anything_else_a_line(form):
    form.ask([question("plane", "coronal", ("axial", "coronal")), question("channels", ["t1", "t2"])])
    assert isinstance(form.fields["plane"], QComboBox)
    assert isinstance(form.fields["channels"], QLineEdit)
    assert form.answers() == {"plane": "coronal", "channels": "t1,t2"}
    assert form.fields["plane"].accessibleName() == "What is plane?"


@pytest.mark.parametrize(
    ("default", "text"), [(None, ""), ({0: "background", 1: "lesion"}, "0=background,1=lesion"), (3, "3")]
)
def test_what_is_likely_stands_in_the_field_as_the_command_line_has_it(form, default, text):
    form.ask([question("labels", default)])
    assert form.fields["labels"].text() == text


def test_earlier_answers_go_before_what_is_likely(form):
    questions = [question("plane", "axial", ("axial", "coronal")), question("channels", "t1")]
    form.ask(questions, {"plane": "coronal", "channels": "t2", "another": "x"})
    assert form.answers() == {"plane": "coronal", "channels": "t2"}


def test_an_empty_field_is_no_answer_and_new_questions_replace_the_old(form, qtbot):
    form.ask([question("channels", "t1"), question("labels")])
    form.fields["channels"].setText("  ")
    form.ask([question("labels", "1=lesion")])
    assert set(form.fields) == {"labels"}
    with qtbot.waitSignal(form.answered) as answered:
        form.button.click()
    assert answered.args == [{"labels": "1=lesion"}]
