from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_osuda.widgets.adapt.results import result_layers
from napari_osuda.widgets.adapt.results.run_layers import RunLayers


class Preview(QObject):
    shown = Signal()

    def __init__(self):
        super().__init__()
        self.seen = False
        for name in ("show", "begin", "end", "hide", "leave", "close_down", "show_preview"):
            setattr(self, name, Mock())


@pytest.fixture
def layers(qtbot, monkeypatch):
    """Layers of runs whose masks are only counted."""
    monkeypatch.setattr(result_layers, "ResultLayers", lambda viewer: Mock())
    widget = QWidget()
    qtbot.addWidget(widget)
    preview = Preview()
    found = RunLayers(ViewerModel(), widget, SimpleNamespace(busy=False, images=()), preview)
    found.results.difference.return_value = "changed"
    found.preview = preview
    yield found
    found.close()


def test_masks_are_shown_as_they_come_and_compared_at_the_end(layers, qtbot):
    layers.begin("image", "card", "patient7")
    layers.results.begin.assert_called_with("image", "card", "patient7")
    layers.show_before(SimpleNamespace(labels="before"))
    layers.show_after(SimpleNamespace(labels="after", recommendation=None))
    assert not layers.settled
    layers.end()
    qtbot.waitUntil(lambda: layers.settled)
    layers.results.show_difference.assert_called_once_with("changed")
    layers.results.end.assert_called_once()
    layers.preview.end.assert_called_once()


def test_the_adapted_mask_is_preferred_in_a_turn_of_its_own(layers, qtbot):
    layers.show_after(SimpleNamespace(labels="after", recommendation=None))
    layers.results.prefer.assert_not_called()
    qtbot.waitUntil(lambda: layers.results.prefer.called)
    layers.results.prefer.assert_called_with("after")


def test_what_is_preferred_at_once_is_not_overruled_by_what_came_before(layers, qtbot):
    layers.show_after(SimpleNamespace(labels="after", recommendation=None))
    layers.prefer("before")
    assert not layers._soon.isActive()
    layers.results.prefer.assert_called_once_with("before")


def test_a_run_without_an_adapted_mask_compares_nothing(layers):
    layers.show_before(SimpleNamespace(labels="before"))
    layers.end()
    assert layers.settled
    layers.results.difference.assert_not_called()
    layers.results.end.assert_called_once()


def test_a_run_whose_images_are_gone_leaves_no_layer(layers):
    layers.show_after(SimpleNamespace(labels="after", recommendation=None))
    layers.leave()
    assert layers.settled
    layers.results.leave.assert_called_once()
    layers.preview.leave.assert_called_once()


def test_a_run_is_watched_on_an_image_that_the_model_sees(layers):
    """A contrast over it would hide why its mask is as it is; one of the model's own stays as it is."""
    viewer = layers._viewer
    used = [viewer.add_image(np.ones((2, 4, 4)), name=name) for name in ("T1", "FLAIR")]
    other = viewer.add_image(np.ones((2, 4, 4)), name="T1post")
    layers._cockpit.images = used
    layers.begin(used[0], "card", "patient7")
    assert [layer.visible for layer in (*used, other)] == [True, True, False]
    # FLAIR is shown; who turns it off and looks at T1 is left alone.
    used[1].visible = False
    layers.begin(used[0], "card", "patient7")
    assert [layer.visible for layer in (*used, other)] == [True, False, False]
    # A picture that something shines through covers nothing.
    viewer.add_image(np.ones((2, 4, 4)), name="heat", blending="additive")
    layers.begin(used[0], "card", "patient7")
    assert viewer.layers["heat"].visible
