from __future__ import annotations

import pytest

pytestmark = pytest.mark.viewer


def wait(qtbot, condition):
    qtbot.waitUntil(condition, timeout=20_000)


def test_nothing_is_asked_where_the_names_say_the_models_own_contrasts(adapt_widget):
    assert adapt_widget.contrast_choice.isHidden()


def test_both_ways_are_shown_and_the_chosen_one_is_set(adapt_widget, viewer, qtbot):
    choice, settings = adapt_widget.contrast_choice, adapt_widget.settings_panel
    viewer.layers["patient7_t1"].name = "patient7_flair"
    panel = adapt_widget.channel_panel
    combo = panel.combos["t1"]
    combo.setCurrentIndex(combo.findText("patient7_flair"))
    combo.activated.emit(combo.currentIndex())
    assert not choice.isHidden()
    choice.button.click()
    wait(qtbot, lambda: bool(choice.previews))
    assert not choice.pictures.isHidden()
    as_it_is, changed = choice.buttons
    assert "As it is" in as_it_is.text()
    as_it_is.click()
    assert settings.config().contrast == "off"
    assert as_it_is.text().startswith("✔")
    changed.click()
    assert settings.config().contrast == choice.previews[1].contrast != "off"
    assert not as_it_is.isChecked()
    # Another layer: the pictures are of the past.
    combo.setCurrentIndex(combo.findText("patient7_t2"))
    combo.activated.emit(combo.currentIndex())
    assert choice.pictures.isHidden()
    assert not choice.previews


def test_a_failure_is_a_sentence(adapt_widget, viewer, qtbot):
    choice = adapt_widget.contrast_choice
    for name in ("patient7_t1", "patient7_t2"):
        viewer.layers[name].data = viewer.layers[name].data * 0
    choice.compare()
    wait(qtbot, lambda: not choice.note.isHidden() and choice.button.isEnabled())
    assert "no brain" in choice.note.text()
