"""Letters on the picture, and one remembered way to see a patient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qtpy.QtCore import QSettings, QSize, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_osuda.napari_layers.orientation import Orientation, letters, show_letters

OPPOSITE = {"S": "I", "A": "P", "R": "L"}


@given(st.permutations([0, 1, 2]), st.sampled_from(["up", "down"]), st.sampled_from(["left", "right"]))
def test_letters_are_where_the_patient_lies(order, vertical, across):
    shown = letters("SAR", order[:2], (vertical, across))
    down, right = ("SAR"[axis] for axis in order[:2])
    assert shown["top" if vertical == "up" else "bottom"] == down
    assert shown["bottom" if vertical == "up" else "top"] == OPPOSITE[down]
    assert shown["left" if across == "left" else "right"] == right
    assert shown["right" if across == "left" else "left"] == OPPOSITE[right]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))
    path = tmp_path / "patient_t1.nii.gz"
    nib.save(nib.Nifti1Image(np.random.default_rng(0).random((9, 8, 7), np.float32), np.eye(4)), path)
    return path


def orientation_of(viewer: Any) -> Orientation | None:
    return viewer.window._qt_viewer.canvas.native.findChild(Orientation)


def shown(viewer: Any) -> dict[str, str]:
    orientation = orientation_of(viewer)
    assert orientation is not None
    return {edge: label.text() for edge, label in orientation.labels.items() if not label.isHidden()}


@pytest.mark.viewer
def test_the_way_is_chosen_on_the_picture_and_remembered(make_napari_viewer, image, qtbot):
    viewer = make_napari_viewer()
    viewer.open(str(image), plugin="napari-osuda")
    qtbot.waitUntil(lambda: orientation_of(viewer) is not None)
    orientation = orientation_of(viewer)
    qtbot.waitUntil(lambda: shown(viewer) == {"top": "A", "bottom": "P", "left": "R", "right": "L"})
    viewer.dims.order = (1, 0, 2)
    qtbot.waitUntil(lambda: shown(viewer) == {"top": "S", "bottom": "I", "left": "R", "right": "L"})
    viewer.dims.order = (2, 0, 1)
    qtbot.waitUntil(lambda: shown(viewer) == {"top": "S", "bottom": "I", "left": "A", "right": "P"})
    viewer.dims.order = (0, 1, 2)
    QTest.mouseClick(orientation.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: shown(viewer) == {"top": "A", "bottom": "P", "left": "L", "right": "R"})
    assert "R is on the right" in orientation.button.text()
    # Another patient, and a panel: neither turns the picture again.
    viewer.layers.clear()
    viewer.open(str(image), plugin="napari-osuda")
    from napari_osuda.widgets.review.widget import ReviewWidget

    widget = ReviewWidget(viewer)
    viewer.window.add_dock_widget(widget, name="OSUDA: Review")
    qtbot.wait(50)
    assert orientation.convention == "neurological"
    viewer.window.remove_dock_widget(widget)
    # A voxel of the patient's left stays on the left of the screen in the next viewer too.
    from napari_osuda.napari_layers import orientation as module

    assert module.remembered() == "neurological"
    # An image of which no orientation is known: no letter that could be wrong.
    viewer.add_image(np.zeros((5, 5, 5)))
    qtbot.waitUntil(lambda: shown(viewer) == {})
    assert orientation.button.text() == "Orientation not known"


@pytest.mark.viewer
def test_letters_alone_turn_nothing(make_napari_viewer, image, qtbot):
    from napari_osuda.napari_layers.images import read_layers

    ((data, arguments, _),) = read_layers(str(image))
    viewer = make_napari_viewer()
    viewer.add_image(data, **arguments)
    before = viewer.scene.camera.orientation2d
    show_letters(viewer)
    qtbot.waitUntil(lambda: shown(viewer) == {"top": "P", "bottom": "A", "left": "L", "right": "R"})
    assert viewer.scene.camera.orientation2d == before


@pytest.mark.viewer
def test_letters_and_words_grow_with_the_picture(make_napari_viewer, image, qtbot):
    viewer = make_napari_viewer()
    viewer.open(str(image), plugin="napari-osuda")
    qtbot.waitUntil(lambda: orientation_of(viewer) is not None and "left" in shown(viewer))
    orientation, heights = orientation_of(viewer), []
    for size in ((700, 700), (3000, 2000), (700, 700)):
        orientation.canvas.resize(*size)
        # Qt tells a window that is not shown of its size later.
        QApplication.sendEvent(orientation.canvas, QResizeEvent(orientation.canvas.size(), QSize()))
        label, button = orientation.labels["left"], orientation.button
        heights.append((label.fontMetrics().ascent(), button.fontMetrics().ascent()))
        for part in (*orientation.labels.values(), button):
            assert orientation.canvas.rect().contains(part.geometry()), part.text()
    small, large, again = heights
    assert small == again
    assert all(high >= 2 * low for low, high in zip(small, large, strict=True))
