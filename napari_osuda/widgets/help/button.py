"""A small button that opens the help on its panel in a window beside it."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QTextBrowser, QToolButton, QVBoxLayout

from napari_osuda.files import path_inside

__all__ = ["HelpButton", "help_page"]


def help_page(panel: str) -> str:
    """The help on a panel ("adapt", "monitor" or "review"), as Markdown."""
    return path_inside(Path(__file__).parent, f"{panel}.md").read_text(encoding="utf-8")


class HelpButton(QToolButton):
    """Opens the help on a panel; a second click brings the same window to the front.

    Parameters
    ----------
    panel : {"adapt", "monitor", "review"}
    """

    def __init__(self, panel: str) -> None:
        super().__init__()
        self._panel = panel
        self.window_: QDialog | None = None
        self.setText("Help")
        self.setAccessibleName(f"Help on {panel.capitalize()}")
        self.setToolTip("Opens a page that explains this panel")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.clicked.connect(self.open)

    def open(self) -> None:
        """Show the page; the panel can be used while it is open."""
        if self.window_ is not None:
            self.window_.raise_()
            return
        window = QDialog(self.window())
        window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        window.setWindowTitle(f"OSUDA: help on {self._panel.capitalize()}")
        text = QTextBrowser()
        text.setMarkdown(help_page(self._panel))
        layout = QVBoxLayout(window)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(text)
        window.resize(520, 620)
        window.destroyed.connect(self._gone)
        self.window_ = window
        window.show()

    def _gone(self) -> None:
        self.window_ = None
