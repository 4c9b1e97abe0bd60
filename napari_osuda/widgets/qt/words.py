"""Labels that fit a narrow dock, and what is said in words: time left, errors."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy

__all__ = ["WrappedLabel", "error_sentence", "time_left"]


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
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )


def time_left(seconds: float | None) -> str:
    """``"about 2 min left"``; nothing while nothing is known."""
    if seconds is None:
        return ""
    if seconds < 1:
        return "almost done"
    if seconds < 90:
        return f"about {round(seconds)} s left"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min left"
    return f"about {seconds / 3600:.1f} h left"


def error_sentence(error: BaseException) -> str:
    """What a failure is called in the panel: the same sentence as on the command line."""
    from napari_osuda.errors import explain

    return explain(error)
