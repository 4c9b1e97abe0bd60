from __future__ import annotations

import numpy as np
import pytest

from napari_osuda.napari_layers.images import read_layers
from napari_osuda.widgets.tasks.answer import WORKING


@pytest.fixture
def masks(viewer, patient):
    """An opened MRI, and on it two masks that lie beside each other by a voxel."""
    (image,) = read_layers(str(next(patient.glob("*t1.nii.gz"))))
    viewer.add_image(image[0], **image[1])
    data = np.zeros(image[0].shape, np.uint8)
    data[2:5, 2:6, 2:6] = 1
    place = {key: image[1][key] for key in ("scale", "translate", "units", "axis_labels")}
    found = viewer.add_labels(data, name="found", **place)
    moved = viewer.add_labels(np.roll(data, 1, axis=1), name="reference", **place)
    return found, moved


@pytest.fixture
def told(qtbot):
    """Press a form's button, and read its answer."""

    def press(form) -> str:
        form.call_button.native.click()
        qtbot.waitUntil(lambda: form.answer.value != WORKING, timeout=20_000)
        return form.answer.value

    return press
