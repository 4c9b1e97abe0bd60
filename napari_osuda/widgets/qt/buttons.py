"""Buttons beside a picture."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton

__all__ = ["push_button"]


def push_button(text: str, tip: str) -> QPushButton:
    """A button that may be narrow, and whose click leaves the keyboard to the viewer; Tab reaches it."""
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setMinimumWidth(1)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
