from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import pytest
from qtpy.QtWidgets import QComboBox, QLabel

from napari_osuda.method import AdaptationConfig
from napari_osuda.method.settings import Group, Setting
from napari_osuda.widgets.adapt.settings.form import SettingsForm


@dataclass(frozen=True)
class Extended(AdaptationConfig):
    added: Annotated[float, Setting("Added", Group.LOSSES, "Is new.", low=0, high=2)] = 1.5
    way: Annotated[Literal["a", "b"], Setting("Way", Group.IMAGES, "Is a way.", words=("First", "Other"))] = (
        "a"
    )


@pytest.fixture
def form(qtbot):
    made = SettingsForm(Extended)
    qtbot.addWidget(made)
    return made


def test_a_new_setting_has_a_row_with_its_label_words_and_default(form):
    assert Extended().replace(**form.values()) == Extended()
    assert form.labels["added"].text() == "Added"
    assert "Is new." in form.fields["added"].tooltip
    assert form.fields["way"].native.currentText() == "First"
    form.set_values(added=1e-7, way="b", threads=2, class_ratio=(0.9, 0.1))
    assert form.fields["way"].native.currentText() == "Other"
    found = Extended().replace(**form.values())
    assert (found.added, found.way, found.threads, found.class_ratio) == (1e-7, "b", 2, (0.9, 0.1))
    titles = [label.text() for label in form.findChildren(QLabel) if label.text().startswith("<b>")]
    assert titles == [f"<b>{group}</b>" for group in Group if group not in (Group.MODEL, Group.REVIEW)]


def test_many_values_are_told_of_once_and_each_of_a_persons(form, qtbot):
    told = []
    form.changed.connect(lambda: told.append(1))
    form.set_values(added=0.5, way="b", iterations=4, guard=False)
    assert len(told) == 1
    qtbot.keyClicks(form.fields["added"].native, "1")
    assert len(told) == 2


@pytest.mark.parametrize("width", [280, 390, 670])
def test_no_list_is_too_narrow_for_its_words(qtbot, width):
    form = SettingsForm(AdaptationConfig)
    qtbot.addWidget(form)
    # As wide as napari's theme has its letters.
    form.setStyleSheet("* { font-size: 10pt } QComboBox { padding: 3px 10px 3px 8px }")
    form.resize(width, form.heightForWidth(width))
    form.show()
    qtbot.waitExposed(form)
    lists = {name: field.native for name, field in form.fields.items() if isinstance(field.native, QComboBox)}
    assert lists
    qtbot.waitUntil(lambda: not [n for n, one in lists.items() if one.width() < one.sizeHint().width()])
    assert form.minimumSizeHint().width() <= 280
