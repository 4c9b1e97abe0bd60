"""How the Adapt panel is laid out: steps with headings that scroll, and state and buttons that do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from qtpy.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from napari_osuda.widgets.help import HelpButton
from napari_osuda.widgets.qt.column import Column, scrolled
from napari_osuda.widgets.qt.words import WrappedLabel

__all__ = ["lay_out"]


def lay_out(
    panel: QWidget,
    first: Iterable[QWidget],
    steps: Mapping[str, Sequence[QWidget]],
    last: QWidget,
    fixed: Iterable[QWidget],
) -> QScrollArea:
    """Fill a panel from top to bottom.

    Parameters
    ----------
    panel : QWidget
    first : iterable of QWidget
        Above the steps.
    steps : mapping of str to sequence of QWidget
        What stands under each heading; the button for help is beside the first one.
    last : QWidget
        Below the steps.
    fixed : iterable of QWidget
        State and buttons, which stay on the screen wherever the steps are scrolled to.

    Returns
    -------
    QScrollArea
        Of the steps.
    """
    inside = Column()
    inner = QVBoxLayout(inside)
    inner.setContentsMargins(6, 4, 6, 4)
    for widget in first:
        inner.addWidget(widget)
    for number, (title, widgets) in enumerate(steps.items(), start=1):
        heading = QHBoxLayout()
        heading.addWidget(WrappedLabel(f"<b>{number}. {title}</b>"), 1)
        if number == 1:
            heading.addWidget(HelpButton("adapt"))
        inner.addLayout(heading)
        for widget in widgets:
            inner.addWidget(widget)
    inner.addWidget(last)
    inner.addStretch(1)
    area = scrolled(inside)
    below = QVBoxLayout()
    below.setContentsMargins(6, 0, 6, 4)
    for widget in fixed:
        below.addWidget(widget)
    layout = QVBoxLayout(panel)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(area, 1)
    layout.addLayout(below)
    return area
