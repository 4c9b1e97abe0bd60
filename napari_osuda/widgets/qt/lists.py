"""Lists to choose one line from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from qtpy.QtWidgets import QComboBox, QSizePolicy

__all__ = ["combo_box"]


def combo_box(
    name: str, choices: Iterable[str] = (), *, tip: str = "", width: Literal["own", "short", "any"] = "own"
) -> QComboBox:
    """A list that a dock can squeeze, however long its lines are.

    Parameters
    ----------
    name : str
        What a screen reader calls it.
    choices : iterable of str
        Its lines, the first one chosen.
    tip : str
        Shown under the pointer.
    width : {"own", "short", "any"}
        What it asks for: the width of its longest line, that of a few letters, or what the others leave.
    """
    combo = QComboBox()
    combo.addItems(list(choices))
    combo.setAccessibleName(name)
    combo.setToolTip(tip)
    combo.setMinimumWidth(1)
    if width == "short":
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    if width == "any":
        combo.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return combo
