"""The question whether a file that is code may run; nothing runs until it is answered with yes."""

from __future__ import annotations

from html import escape
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_osuda.widgets.qt.words import WrappedLabel

__all__ = ["TrustForm"]


class TrustForm(QWidget):
    """Path and SHA-256 of a program, and two buttons of which "No" has the focus."""

    #: Whether the file is trusted.
    answered = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.label = WrappedLabel()
        self.no_button = QPushButton("No, do not open it")
        self.no_button.setAutoDefault(True)
        self.no_button.setDefault(True)
        self.yes_button = QPushButton("Yes, run it")
        self.yes_button.setAutoDefault(False)
        self.no_button.clicked.connect(lambda: self.answered.emit(False))
        self.yes_button.clicked.connect(lambda: self.answered.emit(True))
        row = QHBoxLayout()
        row.addWidget(self.no_button, 1)
        row.addWidget(self.yes_button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.label)
        layout.addLayout(row)

    def ask(self, path: Path, what: str, sha256: str) -> None:
        """Show the question for a file, with the focus on "No"."""
        # A hash without breaks would be cut off in a narrow dock.
        pieces = "&#8203;".join(sha256[i : i + 8] for i in range(0, len(sha256), 8))
        shown = escape(str(path)).replace("/", "/&#8203;").replace("\\", "\\&#8203;")
        self.label.setText(
            f"<b>This file is a program ({escape(what)}). It runs on this computer when it is opened.</b><br>"
            f"{shown}<br>SHA-256 {pieces}<br>"
            "Open it only if you trust its author. Your answer is kept for exactly this file."
        )
        self.no_button.setFocus()
