"""Sliders with two handles: whatever is typed or set, two ordered numbers within the ends come out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qtpy.QtCore import QLocale, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLineEdit

from napari_osuda.widgets.qt.ranges import range_slider, set_ends


@pytest.fixture
def slider(qtbot: Any) -> Any:
    """A slider from 0 to 1000 in a narrow place, in a country whose decimals have a comma."""
    before = QLocale()
    QLocale.setDefault(QLocale("de_DE"))
    made = range_slider("Range")
    qtbot.addWidget(made)
    made.resize(300, made.sizeHint().height())
    set_ends(made, 0.0, 1000.0)
    made.setValue((100.0, 400.0))
    made.show()
    qtbot.waitExposed(made)
    yield made
    QLocale.setDefault(before)


def labels(slider: Any) -> list[QLineEdit]:
    """The two numbers that are seen, from left to right."""
    return sorted((e for e in slider.findChildren(QLineEdit) if e.isVisible()), key=lambda e: e.x())


def typed(label: QLineEdit, text: str) -> None:
    label.setFocus()
    label.selectAll()
    QTest.keyClicks(label, text)
    QTest.keyClick(label, Qt.Key.Key_Return)


def test_both_values_stand_at_the_ends_and_can_be_typed(slider):
    low, high = labels(slider)
    assert [low.text(), high.text()] == ["100", "400"]
    assert low.geometry().right() < high.geometry().left()
    typed(high, "650")
    assert slider.value() == pytest.approx((100, 650))
    set_ends(slider, 0.0, 2.0)
    slider.setValue((0.5, 1.5))
    typed(labels(slider)[0], "1.25")
    assert slider.value() == pytest.approx((1.25, 1.5))


@pytest.mark.parametrize("text", ["2,5", "1e9", "-7", "", "abc"])
def test_what_no_value_can_be_ends_in_no_error(slider, text):
    for label in labels(slider):
        typed(label, text)
        low, high = slider.value()
        assert 0 <= low <= high <= 1000


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.floats(0, 1), st.floats(0, 1))
def test_any_ends_hold_any_values_between_them(slider, low, width, first, second):
    high = low + width
    if high <= low:
        return
    set_ends(slider, low, high)
    wanted = sorted((low + first * width, low + second * width))
    slider.setValue(tuple(wanted))
    assert slider.value() == pytest.approx(wanted, rel=1e-6, abs=width * 1e-6)
