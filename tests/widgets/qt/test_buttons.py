from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from napari_osuda.widgets.qt.buttons import push_button


def test_a_click_leaves_the_keyboard_where_it_is(qtbot):
    place, field, button = QWidget(), QLineEdit(), push_button("Show", "Goes to it")
    layout = QVBoxLayout(place)
    layout.addWidget(field)
    layout.addWidget(button)
    qtbot.addWidget(place)
    with qtbot.waitExposed(place):
        place.show()
    field.setFocus()
    with qtbot.waitSignal(button.clicked):
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert place.focusWidget() is field
    QTest.keyClick(field, Qt.Key.Key_Tab)
    assert place.focusWidget() is button
