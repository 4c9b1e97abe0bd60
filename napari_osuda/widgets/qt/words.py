"""Labels that fit a narrow dock, grayed buttons that say why, and time left in words."""

from __future__ import annotations

from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy, QWidget

__all__ = ["NoteLabel", "WrappedLabel", "enable", "other_patient", "time_left"]


class WrappedLabel(QLabel):
    """A label that wraps and never widens its dock; its text can be selected and copied.

    Parameters
    ----------
    text : str
        Rich text.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setMinimumWidth(1)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        # A text that never changes would otherwise be cut off where its dock is narrow.
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
            | Qt.TextInteractionFlag.LinksAccessibleByMouse
            | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )


class NoteLabel(WrappedLabel):
    """A label that is there only while it has something to say."""

    def __init__(self) -> None:
        super().__init__()
        self.hide()

    def tell(self, text: str, link: str = "") -> None:
        """Say a plain text, and rich text behind it; nothing hides the label."""
        self.setText(escape(text) + link)
        self.setVisible(bool(text))


def enable(widget: QWidget, tip: str, why_not: str = "") -> None:
    """Enable a widget with its tooltip, or gray it out with a tooltip that says why."""
    widget.setEnabled(not why_not)
    widget.setToolTip(why_not or tip)


def other_patient(image: str, case: str) -> str:
    """That another patient's image was seen, so that nothing was done."""
    return f"'{image}' was shown, which is not of case {case}. Nothing was done, and {case} is shown again."


def time_left(seconds: float | None) -> str:
    """``"about 2 min left"``; nothing while nothing is known."""
    if seconds is None:
        return ""
    if seconds < 5:
        return "a few seconds left"
    if seconds < 90:
        return f"about {round(seconds)} s left"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min left"
    return f"about {seconds / 3600:.1f} h left"
