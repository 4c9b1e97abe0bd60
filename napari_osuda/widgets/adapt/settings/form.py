"""All settings as one form, made from what each declares of itself."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from magicgui.widgets.bases import ValueWidget
from qtpy.QtCore import QEvent, Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QLabel, QWidget

from napari_osuda.method.settings import grouped
from napari_osuda.widgets.qt.editors import editor

__all__ = ["SettingsForm"]

# Pixels between a label and its field.
_SPACE = 6


class SettingsForm(QWidget):
    """A row for each setting of a dataclass, under the titles of their groups.

    Parameters
    ----------
    kind : type
        As for `declared_settings`.
    """

    #: A person, or `set_values`, has changed values.
    changed = Signal()

    def __init__(self, kind: type) -> None:
        super().__init__()
        self.fields: dict[str, ValueWidget[Any]] = {}
        self.labels: dict[str, QLabel] = {}
        self._plain: dict[str, str] = {}
        self._writing = False
        self.rows = QFormLayout(self)
        self.rows.setContentsMargins(0, 0, 0, 0)
        self.rows.setHorizontalSpacing(0)
        self.rows.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        for group, members in grouped(kind).items():
            self.rows.addRow(QLabel(f"<b>{group}</b>"))
            for name, one in members.items():
                field, label = editor(name, one), QLabel()
                self._plain[name] = one.setting.label
                self.fields[name], self.labels[name] = field, label
                self.rows.addRow(label, field.native)
                field.changed.connect(self._on_change)
        self.mark((), {})

    def values(self) -> dict[str, Any]:
        """What is in the fields, by name; a number may be a text."""
        return {name: field.value for name, field in self.fields.items()}

    def set_values(self, **values: Any) -> None:
        """Write settings into the fields; ``changed`` comes once for all of them."""
        self._writing = True
        try:
            for name, value in values.items():
                self.fields[name].value = value
        finally:
            self._writing = False
        self.changed.emit()

    def set_enabled(self, enabled: bool) -> None:
        """Let the values be changed, or only read."""
        for field in self.fields.values():
            field.enabled = enabled

    def mark(self, changed: Collection[str], tips: dict[str, str]) -> None:
        """Tell the changed settings from the others, each with a tooltip."""
        for name, label in self.labels.items():
            plain = self._plain[name]
            label.setText(f"<b>\N{BULLET} {plain}</b>" if name in changed else plain)
            label.setToolTip(tips.get(name) or self.fields[name].tooltip or "")
        self._measure()

    def event(self, event: QEvent) -> bool:
        """A label has got other words, or the letters another size with the theme."""
        done = bool(super().event(event))
        if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Show):
            self._measure()
        return done

    def _measure(self) -> None:
        # Qt asks a row's own label, without the space, whether its field has room; all fields begin behind
        # the widest.
        widest = _SPACE + max((label.sizeHint().width() for label in self.labels.values()), default=0)
        for label in self.labels.values():
            label.setMinimumWidth(widest)
        for field in self.fields.values():
            if isinstance(field.native, QComboBox):
                field.native.setMinimumWidth(field.native.sizeHint().width())

    def _on_change(self) -> None:
        if not self._writing:
            self.changed.emit()
