from __future__ import annotations

import pytest

from napari_osuda.errors import ConfigError
from napari_osuda.method import PRESETS, AdaptationConfig, preset
from napari_osuda.widgets.adapt.settings.panel import SettingsPanel
from napari_osuda.widgets.adapt.words import METHOD_SUMMARIES


def test_settings_start_as_the_method_says(qtbot):
    panel = SettingsPanel()
    qtbot.addWidget(panel)
    for name in PRESETS:
        panel.method.setCurrentText(name)
        expected = preset(name).to_dict()
        assert panel.ratio.isHidden() != PRESETS[name].assumes_ratio
        if PRESETS[name].assumes_ratio:
            with pytest.raises(ConfigError, match="assumes that you know"):
                panel.config()
            qtbot.keyClicks(panel.ratio, "0.9, 0.03")
            # Typed in the middle, it stays in the middle.
            panel.ratio.setCursorPosition(3)
            qtbot.keyClicks(panel.ratio, "7")
            assert panel.ratio.cursorPosition() == 4
            expected["class_ratio"] = (0.97, 0.03)
            # Another strength is no reason to ask again.
            panel.strength.setCurrentText("strong")
            panel.strength.setCurrentText("standard")
        found = panel.config().to_dict()
        assert found.pop("threads") >= 1
        expected.pop("threads")
        assert found == expected
        assert panel.summary.text() == METHOD_SUMMARIES[name]
        assert PRESETS[name].summary in panel.summary.toolTip()


def test_strength_is_iterations_and_every_setting_has_a_field(qtbot):
    panel = SettingsPanel()
    qtbot.addWidget(panel)
    panel.strength.setCurrentText("strong")
    assert panel.config().iterations == 2 * AdaptationConfig().iterations
    assert set(panel.fields) == set(AdaptationConfig().to_dict())
    assert "eta_t" in panel.fields["tau"].tooltip
    panel.set_values(class_ratio=(0.9, 0.1))
    assert panel.config().class_ratio == (0.9, 0.1)
    panel.set_values(learning_rate="many")
    with pytest.raises(ConfigError, match="learning_rate"):
        panel.config()


def test_changed_settings_are_marked_counted_and_reset(qtbot):
    panel = SettingsPanel()
    qtbot.addWidget(panel)
    assert panel.expert.text() == "All settings"
    assert not panel.reset_button.isEnabled()
    panel.set_values(tau=3.0, guard=False)
    assert panel.changed_settings == ["tau", "guard"]
    assert panel.expert.text() == "All settings (2 changed)"
    assert "<b>" in panel.labels["tau"].text()
    assert "10" in panel.labels["tau"].toolTip()
    panel.set_locked(True)
    assert not panel.reset_button.isEnabled()
    panel.set_locked(False)
    panel.reset_button.click()
    assert not panel.changed_settings
    assert panel.config().tau == 10
    # Another strength has other iterations of its own: nobody has changed them.
    panel.strength.setCurrentText("strong")
    assert not panel.changed_settings
