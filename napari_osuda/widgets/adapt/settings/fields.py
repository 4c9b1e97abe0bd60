"""A field for each kind of setting: made, read, written and watched."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import QCheckBox, QComboBox, QLineEdit, QWidget

__all__ = ["on_change", "read_field", "setting_field", "tie", "write_field"]


def setting_field(kind: Any) -> QWidget:
    """A list for a choice, a box to tick for a flag, a line for all else."""
    if typing.get_origin(kind) is typing.Literal:
        combo = QComboBox()
        combo.addItems([str(choice) for choice in typing.get_args(kind)])
        combo.setMinimumWidth(1)
        return combo
    if kind is bool:
        return QCheckBox()
    line = QLineEdit()
    line.setMinimumWidth(1)
    if typing.get_origin(kind) is types.UnionType:
        line.setPlaceholderText("none")
    return line


def read_field(field: QWidget) -> Any:
    """What a field holds: a text, or whether it is ticked."""
    if isinstance(field, QComboBox):
        return field.currentText()
    if isinstance(field, QCheckBox):
        return field.isChecked()
    assert isinstance(field, QLineEdit)
    return field.text().strip()


def write_field(field: QWidget, value: Any) -> None:
    """Show a value in a field."""
    if isinstance(field, QComboBox):
        field.setCurrentText(str(value))
    elif isinstance(field, QCheckBox):
        field.setChecked(bool(value))
    elif isinstance(field, QLineEdit):
        field.setText(_text(value))


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_text, value))
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def on_change(field: QWidget, call: Callable[[], Any]) -> None:
    """Call when a person changes a field."""
    if isinstance(field, QComboBox):
        field.currentTextChanged.connect(lambda _: call())
    elif isinstance(field, QCheckBox):
        field.toggled.connect(lambda _: call())
    elif isinstance(field, QLineEdit):
        field.textEdited.connect(lambda _: call())


def tie(one: QLineEdit, other: QWidget) -> None:
    """Two fields with one text."""
    assert isinstance(other, QLineEdit)

    def write(field: QLineEdit, text: str) -> None:
        # The one that is being edited would lose its place in the text.
        if field.text() != text:
            field.setText(text)

    one.textChanged.connect(lambda text: write(other, text))
    other.textChanged.connect(lambda text: write(one, text))
