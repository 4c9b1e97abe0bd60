"""The mouse wheel scrolls a panel, also where it passes over a box that it could change."""

from __future__ import annotations

from qtpy.QtCore import QChildEvent, QEvent, QObject
from qtpy.QtWidgets import (
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QGraphicsView,
    QSlider,
    QWidget,
)
from superqt import QLabeledRangeSlider

__all__ = ["WheelScrolls"]

# What is inside of these is theirs: the list of a combo box is to scroll.
_WHOLE = (QComboBox, QAbstractSpinBox)
_KINDS = (*_WHOLE, QSlider, QLabeledRangeSlider)


class WheelScrolls(QObject):
    """Lets no combo box, spin box or slider in a panel take the wheel, now or added later.

    Parameters
    ----------
    panel : QWidget
        Whatever it holds is watched, for as long as it lives.

    Notes
    -----
    The list of a combo box that is open is a window of its own, and scrolls as ever.
    """

    def __init__(self, panel: QWidget) -> None:
        super().__init__(panel)
        self._watch(panel)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Refuse the wheel, and watch what is added."""
        if watched is None or event is None:
            return False
        kind = event.type()
        if kind == QEvent.Type.Wheel and isinstance(watched, _KINDS):
            area = _area_of(watched)
            if area is not None:
                QApplication.sendEvent(area.verticalScrollBar(), event)
            return True
        # Under a storm of events a binding may hand an event over as one of another class.
        if kind == QEvent.Type.ChildPolished and isinstance(event, QChildEvent):
            child = event.child()
            if isinstance(child, QWidget):
                self._watch(child)
        return False

    def _watch(self, widget: QWidget) -> None:
        # Plots take no wheel, and tell of every movement of the mouse.
        if widget.isWindow() or isinstance(widget, QGraphicsView):
            return
        widget.removeEventFilter(self)
        widget.installEventFilter(self)
        if isinstance(widget, _WHOLE):
            return
        for child in widget.children():
            if isinstance(child, QWidget):
                self._watch(child)


def _area_of(widget: QWidget) -> QAbstractScrollArea | None:
    """What scrolls a widget, if anything does."""
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QAbstractScrollArea):
        parent = parent.parentWidget()
    return parent
