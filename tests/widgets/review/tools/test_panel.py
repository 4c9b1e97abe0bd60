from __future__ import annotations

import pytest

from napari_osuda.session.review.tools.use import Scope, Tool
from napari_osuda.widgets.review.tools.panel import ToolPanel


@pytest.fixture
def panel(qtbot) -> ToolPanel:
    panel = ToolPanel()
    qtbot.addWidget(panel)
    panel.set_labels({0: "background", 1: "core", 3: "edema"})
    return panel


def test_a_use_holds_the_numbers_of_its_tool_alone(panel):
    panel.label.setCurrentIndex(2)
    panel.set_range(10, 50)
    uses = {tool: panel.use(tool, "flair") for tool in Tool}
    assert {use.label for use in uses.values()} == {3}
    assert {use.scope for use in uses.values()} == {Scope.SLICE}
    assert [tool for tool, use in uses.items() if use.ml is not None] == [Tool.REMOVE_ISLANDS]
    assert [tool for tool, use in uses.items() if use.mm is not None] == [Tool.SMOOTH, Tool.GROW]
    assert [tool for tool, use in uses.items() if use.low is not None] == [Tool.GROW, Tool.PAINT_IN_RANGE]


def test_the_chosen_label_stays_when_labels_are_added(panel):
    assert panel.labels == {1: "core", 3: "edema"}
    panel.label.setCurrentIndex(1)
    panel.set_labels({1: "core", 3: "edema", 7: "label 7"})
    assert panel.label.currentData() == 1
    panel.set_labels({3: "edema"})
    assert panel.label.currentData() is None


def test_a_range_is_shown_in_as_many_digits_as_tell_its_ends_apart(panel):
    assert not panel.has_range
    for low, high in ((0.011, 0.019), (1.2, 1.9), (3.0, 90.0), (100.0, 4000.0)):
        panel.set_range(low, high)
        assert panel.has_range
        assert panel.low.value() == pytest.approx(low, abs=(high - low) / 10)
        assert panel.high.value() == pytest.approx(high, abs=(high - low) / 10)
