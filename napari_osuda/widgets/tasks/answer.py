"""Where a task answers: in text that can be selected and copied, worked out off the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from magicgui.widgets import FunctionGui, TextEdit
from napari.layers import Labels

from napari_osuda.errors import explain
from napari_osuda.widgets.qt.background import Background

__all__ = ["WORKING", "Work", "answers", "taken"]

WORKING = "Working\N{HORIZONTAL ELLIPSIS}"

Work = Callable[[], str]
"""What a task's function gives: the rest of the work, which ends in its answer."""


def answers(form: FunctionGui[Any, Work]) -> None:
    """Give a task's form a place for its answer (``widget_init`` of its factory)."""
    answer = TextEdit(name="answer", label="Result", tooltip="Select the text to copy it", gui_only=True)
    answer.read_only = True
    answer.native.setAccessibleName("Result")
    form.append(answer)
    background = Background(form.native)

    def begin(work: Work) -> None:
        answer.value = WORKING
        background.run(work)

    def tell(text: str) -> None:
        answer.value = text

    background.done.connect(tell)
    background.failed.connect(lambda error: tell(explain(error)))
    form.called.connect(begin)


def taken(layer: Labels) -> tuple[Any, dict[str, Any]]:
    """A layer's data and attributes as they are now, whatever is painted while the task is at work."""
    data, attributes, _ = layer.as_layer_data_tuple()
    return np.array(data), attributes
