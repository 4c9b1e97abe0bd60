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
