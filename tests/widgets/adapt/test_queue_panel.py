from __future__ import annotations

from html import unescape
from types import SimpleNamespace

import pytest
from qtpy.QtWidgets import QToolButton

from napari_osuda.widgets.adapt.queue_panel import QueuePanel, Waiting


def waiting(*cases: str, model: str = "Four contrasts") -> Waiting:
    return Waiting(
        SimpleNamespace(
            cases=tuple(SimpleNamespace(name=name) for name in cases),
            model=SimpleNamespace(card=SimpleNamespace(name=model)),
        ),
        image=None,
    )


@pytest.fixture
def panel(qtbot):
    widget = QueuePanel()
    qtbot.addWidget(widget)
    return widget


def rows(panel: QueuePanel) -> list[QToolButton]:
    listed = panel._rows
    return [listed.itemAt(k).widget().findChild(QToolButton) for k in range(listed.count())]


def test_runs_begin_in_the_order_in_which_they_came(panel):
    first, second = waiting("a", "b"), waiting("c")
    panel.add(first)
    panel.add(second)
    assert first.title == "a, b with Four contrasts"
    assert "2 runs" in panel.heading.text()
    assert panel.take() is first
    assert "1 run" in panel.heading.text()
    assert panel.take() is second
    assert panel.take() is None


def test_the_panel_is_there_only_while_something_waits(panel):
    assert panel.isHidden()
    panel.add(waiting("a"))
    assert not panel.isHidden()
    panel.take()
    assert panel.isHidden()


def test_each_run_has_a_button_that_takes_it_out(panel):
    kept, gone = waiting("kept"), waiting("<gone>")
    panel.add(kept)
    panel.add(gone)
    button = next(button for button in rows(panel) if "<gone>" in unescape(button.toolTip()))
    assert button.accessibleName() == "Remove from the queue: <gone> with Four contrasts"
    button.click()
    assert list(panel.waiting) == [kept]
    assert len(rows(panel)) == 1


def test_the_next_run_waits_for_the_user_where_the_queue_is_held(panel, qtbot):
    panel.add(waiting("a"))
    assert panel.running_on
    assert panel.start_button.isHidden()
    panel.hold(True)
    assert not panel.running_on
    assert not panel.start_button.isHidden()
    with qtbot.waitSignal(panel.go_on):
        panel.start_button.click()
