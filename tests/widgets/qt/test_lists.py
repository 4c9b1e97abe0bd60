from __future__ import annotations

import pytest

from napari_osuda.widgets.qt.lists import combo_box


@pytest.mark.parametrize("width", ["own", "short", "any"])
def test_a_list_has_a_name_for_screen_readers_and_can_be_squeezed(qtbot, width):
    combo = combo_box("Mask", ("adapted", "original" * 40), tip="Which mask is shown", width=width)
    qtbot.addWidget(combo)
    assert combo.accessibleName() == "Mask"
    assert combo.toolTip() == "Which mask is shown"
    assert combo.currentText() == "adapted"
    combo.resize(60, combo.height())
    assert combo.width() == 60


def test_long_lines_that_differ_at_their_end_look_different(qtbot):
    name = "a hospital with very long names of its series"
    boxes = [combo_box("Channel", [f"{name} {contrast}"]) for contrast in ("t2", "flair", "t2")]
    pictures = []
    for box in boxes:
        qtbot.addWidget(box)
        box.resize(140, 24)
        pictures.append(box.grab().toImage())
    assert pictures[0] != pictures[1]
    assert pictures[0] == pictures[2]
