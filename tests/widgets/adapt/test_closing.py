from __future__ import annotations

import pytest
from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDockWidget, QMainWindow, QPushButton, QWidget

from napari_osuda.widgets.adapt.closing import ClosingGuard


@pytest.fixture
def window(qtbot):
    window = QMainWindow()
    qtbot.addWidget(window)
    middle = QWidget()
    window.setCentralWidget(middle)
    QWidget(middle).show()
    return window


@pytest.fixture
def guarded(window, qtbot):
    """A guard on a widget in a dock, what it asks, and what is answered: (guard, asked, answer, busy)."""
    inside = QWidget()
    dock = QDockWidget("OSUDA: Adapt", window)
    dock.setWidget(inside)
    button = QPushButton(dock)
    button.setObjectName("QTitleBarCloseButton")
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    # napari's dock is the widget's parent.
    inside.setParent(dock)
    state = {"busy": True, "answer": False, "asked": []}
    guard = ClosingGuard(inside, lambda: state["busy"], lambda: "Close and interrupt it?")

    def ask(question: str) -> bool:
        state["asked"].append(question)
        return state["answer"]

    guard.ask = ask
    guard.watch()
    window.show()
    qtbot.waitExposed(window)
    yield guard, state, button
    guard.close()


def click(button: QPushButton) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_the_docks_button_asks_and_does_nothing_on_no(guarded, qtbot):
    _, state, button = guarded
    clicked = []
    button.clicked.connect(lambda: clicked.append(True))
    button.show()
    click(button)
    assert state["asked"] == ["Close and interrupt it?"]
    assert not clicked
    assert not button.isDown()


def test_on_yes_the_click_is_made_up_for(guarded, qtbot):
    _, state, button = guarded
    state["answer"] = True
    button.show()
    with qtbot.waitSignal(button.clicked):
        click(button)


def test_a_press_that_ends_beside_the_button_asks_nothing(guarded):
    _, state, button = guarded
    button.show()
    QTest.mousePress(button, Qt.MouseButton.LeftButton)
    QTest.mouseRelease(button, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(-50, -50))
    assert not state["asked"]


def test_the_space_bar_is_a_press_as_well(guarded):
    _, state, button = guarded
    button.show()
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert len(state["asked"]) == 1


def test_without_a_run_nobody_is_asked(guarded, qtbot):
    _, state, button = guarded
    state["busy"] = False
    button.show()
    with qtbot.waitSignal(button.clicked):
        click(button)
    assert not state["asked"]


def test_the_windows_close_is_refused_on_no(guarded, window):
    _, state, _ = guarded
    assert not window.close()
    assert len(state["asked"]) == 1
    state["answer"] = True
    assert window.close()


def test_a_program_that_has_taken_the_canvas_away_is_not_asked(guarded, window):
    _, state, _ = guarded
    for child in window.centralWidget().findChildren(QWidget):
        child.hide()
    assert window.close()
    assert not state["asked"]


def test_a_new_title_bar_is_watched_too(guarded, window):
    guard, state, old = guarded
    dock = old.parent()
    button = QPushButton(dock)
    button.setObjectName("QTitleBarCloseButton")
    guard.eventFilter(dock, QEvent(QEvent.Type.LayoutRequest))
    button.show()
    click(button)
    assert len(state["asked"]) == 1


def test_a_guard_that_was_closed_watches_no_window(guarded, window):
    guard, state, _ = guarded
    guard.close()
    assert window.close()
    assert not state["asked"]
