"""Where a task answers: in text that can be selected and copied, worked out off the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from magicgui.widgets import ComboBox, FunctionGui, TextEdit
from napari import current_viewer
from napari.layers import Labels
from qtpy.QtWidgets import QDockWidget, QLabel

from napari_osuda.errors import explain
from napari_osuda.napari_layers.soon import soon
from napari_osuda.widgets.qt.background import Background
from napari_osuda.widgets.qt.window import share_place, size_of

__all__ = ["BUSY", "WORKING", "Work", "answers", "taken"]

WORKING = "Working\N{HORIZONTAL ELLIPSIS}"
BUSY = "Wait for the result first."

Work = Callable[[], str]
"""What a task's function gives: the rest of the work, which ends in its answer."""


def answers(form: FunctionGui[Any, Work]) -> None:
    """Give a task's form a place for its answer (``widget_init`` of its factory)."""
    answer = TextEdit(name="answer", label="Result", tooltip="Select the text to copy it", gui_only=True)
    answer.read_only = True
    answer.native.setAccessibleName("Result")
    form.append(answer)
    answer.hide()
    background = Background(form.native)
    viewer = current_viewer()
    form.native.window_size = None if viewer is None else size_of(viewer)

    def place() -> None:
        share_place(form.native)
        # magicgui measures its labels before they have the viewer's font.
        labels = [widget for widget in form.native.findChildren(QLabel) if widget.text()]
        for label in labels:
            label.setFixedWidth(max(other.sizeHint().width() for other in labels))
        dock = form.native.parent()
        if isinstance(dock, QDockWidget) and form.call_button is not None:
            # Short for its tab, which would leave no room for the others.
            dock.setWindowTitle(form.call_button.text)
            soon(dock, dock.raise_)

    def offer_active() -> None:
        # The mask that is worked on, and not the first of the list; once, as nobody has chosen yet.
        form.native_parent_changed.disconnect(offer_active)
        mask, active = form["mask"], None if viewer is None else viewer.layers.selection.active
        if isinstance(mask, ComboBox):
            mask.reset_choices()
            if active in mask.choices:
                mask.value = active

    form.native_parent_changed.connect(offer_active)
    soon(form.native, place)

    def begin(work: Work) -> None:
        answer.value = WORKING
        answer.show()
        background.run(work)

    def tell(text: str) -> None:
        answer.value = text
        enable()

    def enable() -> None:
        # One at a time: a second answer would hide that the first one failed.
        if form.call_button is not None:
            form.call_button.enabled = not background.busy
            form.call_button.tooltip = BUSY if background.busy else ""

    background.done.connect(tell)
    background.failed.connect(lambda error: tell(explain(error)))
    form.called.connect(begin)
    if form.call_button is not None:
        # Behind magicgui's own, which enables the button as soon as the function has returned.
        form.call_button.changed.connect(enable)


def taken(layer: Labels) -> tuple[Any, dict[str, Any]]:
    """A layer's data and attributes as they are now, whatever is painted while the task is at work."""
    data, attributes, _ = layer.as_layer_data_tuple()
    return np.array(data), attributes
