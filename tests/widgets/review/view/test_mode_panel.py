from __future__ import annotations

from napari_osuda.widgets.review import words
from napari_osuda.widgets.review.view.mode_panel import ModePanel


def test_one_mode_is_down_and_its_picture_is_explained(qtbot):
    panel = ModePanel()
    qtbot.addWidget(panel)
    for mode in words.MODES:
        panel.set_mode(mode)
        assert [name for name, button in panel.buttons.items() if button.isChecked()] == [mode]
        assert panel.meaning.text()
    panel.set_mode("error")
    assert not any(button.isChecked() for button in panel.buttons.values())
    assert panel.meaning.text() == words.MEANINGS["error"]


def test_a_click_chooses_a_mode(qtbot):
    panel = ModePanel()
    qtbot.addWidget(panel)
    with qtbot.waitSignal(panel.chosen) as chosen:
        panel.buttons["difference"].click()
    assert chosen.args == ["difference"]
