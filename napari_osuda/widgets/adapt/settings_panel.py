"""How to adapt: a simple face (method, strength, device), and every setting behind one click."""

from __future__ import annotations

import os
import re
import typing
from collections.abc import Mapping
from inspect import getdoc
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QLabel, QLineEdit, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_osuda.widgets.adapt.setting_fields import on_change, read_field, setting_field, tie, write_field
from napari_osuda.widgets.adapt.words import METHOD_SUMMARIES
from napari_osuda.widgets.qt.lists import combo_box
from napari_osuda.widgets.qt.words import WrappedLabel

if TYPE_CHECKING:
    from napari_osuda.method import AdaptationConfig

__all__ = ["SettingsPanel"]

_STRENGTHS = {"gentle": 0.5, "standard": 1.0, "strong": 2.0}


class SettingsPanel(QWidget):
    """The simple face writes into the expert one, and that is what a run is given."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        from napari_osuda.method import PRESETS, AdaptationConfig
        from napari_osuda.method.settings import MethodSettings, RunSettings
        from napari_osuda.session import available_devices

        self._presets = PRESETS
        self.method = combo_box("Method")
        for name, preset in PRESETS.items():
            self.method.addItem(name)
            tip = f"{METHOD_SUMMARIES[name]}\n{preset.citation}"
            self.method.setItemData(self.method.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.summary = WrappedLabel()
        self.strength = combo_box("Strength")
        for word, factor in _STRENGTHS.items():
            self.strength.addItem(word, factor)
        self.strength.setCurrentText("standard")
        self.strength.setToolTip("Gentle: half of the iterations. Strong: twice as many.")
        self.device = combo_box("Device")
        self.device.addItems(["auto", *available_devices()])
        self.device.setToolTip("Where the run is computed. auto: the fastest there is.")
        meanings = {**_meanings(MethodSettings), **_meanings(RunSettings)}
        self.fields = self._make_fields(typing.get_type_hints(AdaptationConfig), meanings)
        # What a method cannot do without is asked for where the method is chosen.
        self.ratio_label, self.ratio = QLabel("Class ratio"), QLineEdit()
        self.ratio.setAccessibleName("Class ratio")
        self.ratio.setMinimumWidth(1)
        self.ratio.setPlaceholderText("0.97, 0.03")
        self.ratio.setToolTip(meanings["class_ratio"])
        tie(self.ratio, self.fields["class_ratio"])
        on_change(self.ratio, self.changed.emit)
        self.lock_note = WrappedLabel("The settings are fixed until the run has ended.")
        self.lock_note.hide()
        self._arrange()
        self.method.currentTextChanged.connect(self._apply)
        self.strength.currentTextChanged.connect(self._apply)
        self._apply()

    def _make_fields(self, kinds: Mapping[str, Any], meanings: Mapping[str, str]) -> dict[str, QWidget]:
        """A field for every setting, by its name."""
        fields: dict[str, QWidget] = {}
        for name, kind in kinds.items():
            field = fields[name] = setting_field(kind)
            field.setAccessibleName(name)
            field.setToolTip(meanings.get(name, name))
            on_change(field, self.changed.emit)
        return fields

    def _arrange(self) -> None:
        expert = QWidget()
        form = QFormLayout(expert)
        form.setContentsMargins(0, 0, 0, 0)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.DontWrapRows)
        for name, field in self.fields.items():
            form.addRow(name, field)
        self.expert = QCollapsible("All settings", expandedIcon="▼", collapsedIcon="▶")
        self.expert.setDuration(0)
        self.expert.addWidget(expert)
        self.expert.layout().setContentsMargins(0, 0, 0, 0)
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

        config = AdaptationConfig().replace(
            **{name: read_field(field) for name, field in self.fields.items()}
        )
        check_complete(self.method.currentText(), config)
        return config

    def set_locked(self, locked: bool) -> None:
        """Read only while a run is under way: its schedules follow the iterations fixed beforehand."""
        for widget in (self.method, self.strength, self.device, self.ratio, *self.fields.values()):
            widget.setEnabled(not locked)
        if not locked:
            self.strength.setEnabled(self._has_iterations)
        self.lock_note.setVisible(locked)

    @property
    def contrast(self) -> QComboBox:
        """The field of the setting of that name."""
        field = self.fields["contrast"]
        assert isinstance(field, QComboBox)
        return field

    def reset_contrast(self) -> None:
        """Set the contrast to what the method has."""
        from napari_osuda.method import preset

        self.set_values(contrast=preset(self.method.currentText()).contrast)

    def set_values(self, **values: Any) -> None:
        """Write settings into the fields."""
        for name, value in values.items():
            write_field(self.fields[name], value)

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
        # What the person has given is not the method's to take back with a change of strength.
        self.ratio.setText(ratio)
        self.changed.emit()


def _meanings(kind: type) -> dict[str, str]:
    """What the docstring of the settings says of each, so that it is said in one place."""
    section = (getdoc(kind) or "").partition("Parameters\n----------\n")[2].partition("\n\nRaises")[0]
    meanings: dict[str, str] = {}
    for block in re.split(r"\n(?=\S)", section):
        head, _, text = block.partition("\n")
        for name in head.partition(" : ")[0].split(", "):
            meanings[name] = f"{name}: " + " ".join(text.split())
    return meanings
