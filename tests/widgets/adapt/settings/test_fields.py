from __future__ import annotations

from typing import Literal

import pytest
from qtpy.QtWidgets import QCheckBox, QComboBox, QLineEdit

from napari_osuda.widgets.adapt.settings.fields import (
    on_change,
    read_field,
    setting_field,
    tie,
    write_field,
)


@pytest.mark.parametrize(
    ("kind", "widget", "value", "read"),
    [
        (Literal["sum", "off"], QComboBox, "off", "off"),
        (bool, QCheckBox, True, True),
        (float, QLineEdit, 3e-5, "3e-05"),
        (int | None, QLineEdit, None, ""),
        (tuple, QLineEdit, (0.97, 0.03), "0.97, 0.03"),
    ],
)
def test_a_setting_is_written_and_read(qtbot, kind, widget, value, read):
    field = setting_field(kind)
    qtbot.addWidget(field)
    assert type(field) is widget
    heard = []
    on_change(field, lambda: heard.append(read_field(field)))
    write_field(field, value)
    assert read_field(field) == read
    # A line reports what a person types, not what is written into it.
    assert heard == ([] if widget is QLineEdit else [read])


def test_two_lines_hold_one_text(qtbot):
    one, other = QLineEdit(), QLineEdit()
    qtbot.addWidget(one)
    qtbot.addWidget(other)
    tie(one, other)
    one.setText("0.9, 0.1")
    assert other.text() == "0.9, 0.1"
    other.setText("")
    assert one.text() == ""
