"""How to adapt: a simple face (method, strength, device), and every setting behind one click."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFormLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_osuda.widgets.adapt.settings.form import SettingsForm
from napari_osuda.widgets.adapt.words import METHOD_SUMMARIES
from napari_osuda.widgets.qt.background import Background
from napari_osuda.widgets.qt.fold import Fold
from napari_osuda.widgets.qt.lists import combo_box
from napari_osuda.widgets.qt.theme import Palette
from napari_osuda.widgets.qt.words import WrappedLabel, enable

if TYPE_CHECKING:
    from magicgui.widgets.bases import ValueWidget

    from napari_osuda.method import AdaptationConfig

__all__ = ["SettingsPanel"]

_LOCKED = "The settings are fixed until the run has ended."
_STRENGTHS = {"gentle": 0.5, "standard": 1.0, "strong": 2.0}


class SettingsPanel(QWidget):
    """The simple face writes into the expert one, and that is what a run is given."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        from napari_osuda.method import PRESETS, AdaptationConfig

        self._presets = PRESETS
        self._locked = False
        self.method = combo_box("Method")
        for name, preset in PRESETS.items():
            self.method.addItem(name)
            tip = f"{METHOD_SUMMARIES[name]}\n{preset.citation}"
            self.method.setItemData(self.method.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.summary = WrappedLabel()
        self.strength = combo_box("Strength", tip="Gentle: half of the iterations. Strong: twice as many.")
        for word, factor in _STRENGTHS.items():
            self.strength.addItem(word, factor)
        self.strength.setCurrentText("standard")
        tip = "Where the run is computed. auto: the fastest there is."
        self.device = combo_box("Device", ("auto", "cpu"), tip=tip)
        self._looking = Background(self)
        self._looking.done.connect(self._show_devices)
        self._own: dict[str, Any] = {}
        self.form = SettingsForm(AdaptationConfig)
        self.fields, self.labels = self.form.fields, self.form.labels
        self.reset_button = QPushButton("Reset changed settings")
        self.reset_button.clicked.connect(self._apply)
        self.form.rows.insertRow(0, self.reset_button)
        self.form.changed.connect(self.changed)
        self.expert = Fold("All settings")
        self.expert.addWidget(self.form)
        self.changed.connect(self._mark)
        # What a method cannot do without is asked for where the method is chosen.
        self.ratio_label, self.ratio = QLabel("Class ratio"), QLineEdit()
        self.ratio.setAccessibleName("Class ratio")
        self.ratio.setMinimumWidth(1)
        self.ratio.setPlaceholderText("0.97, 0.03")
        self.ratio.setToolTip(self.fields["class_ratio"].tooltip)
        _tie(self.ratio, self.fields["class_ratio"].native)
        self.lock_note = WrappedLabel(_LOCKED)
        self.lock_note.hide()
        self._arrange()
        self.method.currentTextChanged.connect(lambda _: self._apply())
        self.strength.currentTextChanged.connect(lambda _: self._apply())
        self._apply()

    def _arrange(self) -> None:
        simple = QFormLayout()
        simple.addRow("Method", self.method)
        simple.addRow(self.summary)
        simple.addRow(self.ratio_label, self.ratio)
        simple.addRow("Strength", self.strength)
        simple.addRow("Device", self.device)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(simple)
        layout.addWidget(self.lock_note)
        layout.addWidget(self.expert)

    def config(self) -> AdaptationConfig:
        """The settings as they stand.

        Raises
        ------
        ConfigError
            One is out of its range, in a sentence that names it, or the method lacks one.
        """
        from napari_osuda.method import AdaptationConfig, check_complete

        config = AdaptationConfig().replace(**self.form.values())
        check_complete(self.method.currentText(), config)
        return config

    def set_locked(self, locked: bool) -> None:
        """Read only while a run is under way: its schedules follow the iterations fixed beforehand."""
        for widget in (self.method, self.strength, self.device, self.ratio):
            widget.setEnabled(not locked)
        self.form.set_enabled(not locked)
        self._locked = locked
        self._mark()
        if not locked:
            self.strength.setEnabled(self._has_iterations)
        self.lock_note.setVisible(locked)

    def look_for_devices(self) -> None:
        """Offer the devices that this machine has: torch is needed for it, and a GPU takes a while."""

        def find() -> tuple[str, ...]:
            from napari_osuda.session import available_devices

            return available_devices()

        self._looking.run(find)

    def close_down(self) -> None:
        """Wait for the search."""
        self._looking.close()

    def _show_devices(self, devices: Sequence[str]) -> None:
        chosen = self.device.currentText()
        self.device.clear()
        self.device.addItems(["auto", *devices])
        self.device.setCurrentText(chosen)

    @property
    def contrast(self) -> ValueWidget[Any]:
        """The field of the setting of that name."""
        return self.fields["contrast"]

    def reset_contrast(self) -> None:
        """Set the contrast to what the method has."""
        from napari_osuda.method import preset

        self.set_values(contrast=preset(self.method.currentText()).contrast)

    def set_values(self, **values: Any) -> None:
        """Write settings into the fields."""
        self.form.set_values(**values)

    def set_colors(self, colors: Palette) -> None:
        """Follow napari's theme."""
        self.expert.set_colors(colors)

    @property
    def changed_settings(self) -> list[str]:
        """Those that are not as the chosen method and strength have them."""
        now = self.form.values()
        return [name for name, own in self._own.items() if now[name] != own]

    def _mark(self) -> None:
        """Tell the changed settings from the others, and how many there are while they are folded away."""
        changed, method = self.changed_settings, self.method.currentText()
        tips = {name: f"Changed. With {method} it is: {self._own[name] or 'none'}" for name in changed}
        self.form.mark(changed, tips)
        self.expert.setText(f"All settings ({len(changed)} changed)" if changed else "All settings")
        why_not = "No setting is changed." if not changed else _LOCKED if self._locked else ""
        enable(self.reset_button, "Sets all as the chosen method and strength have them", why_not)

    def _apply(self) -> None:
        """The method's own settings, at the chosen strength, in place of all others."""
        from napari_osuda.method import preset

        name = self.method.currentText()
        config = preset(name)
        # With every core in use the viewer would stutter.
        spare = max(1, (os.cpu_count() or 2) - 1)
        iterations = round(config.iterations * self.strength.currentData())
        config = config.replace(iterations=iterations, threads=spare)
        self.summary.setText(METHOD_SUMMARIES[name])
        self.summary.setToolTip(f"{self._presets[name].summary}\n{self._presets[name].citation}")
        self._has_iterations = config.iterations > 0
        self.strength.setEnabled(self._has_iterations)
        for widget in (self.ratio_label, self.ratio):
            widget.setVisible(self._presets[name].assumes_ratio)
        ratio = self.ratio.text() if self._presets[name].assumes_ratio else ""
        self.set_values(**config.to_dict())
        self._own = {name: value for name, value in self.form.values().items() if name != "class_ratio"}
        # What the person has given is not the method's to take back with a change of strength.
        self.ratio.setText(ratio)
        self.changed.emit()


def _tie(one: QLineEdit, other: QLineEdit) -> None:
    """Two fields with one text."""

    def write(field: QLineEdit, text: str) -> None:
        # The one that is being edited would lose its place in the text.
        if field.text() != text:
            field.setText(text)

    one.textChanged.connect(lambda text: write(other, text))
    other.textChanged.connect(lambda text: write(one, text))
