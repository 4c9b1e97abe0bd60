from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_osuda.imaging.world import METADATA_KEY
from napari_osuda.widgets.adapt.inputs.channel_panel import ChannelPanel


@pytest.fixture
def layers():
    viewer = ViewerModel()
    for name in ("head_t2", "head_FLAIR", "head_T1"):
        viewer.add_image(np.zeros((3, 4, 5)), name=name)
    viewer.add_labels(np.zeros((3, 4, 5), int), name="head_seg")
    return viewer


@pytest.fixture
def channels(layers, qtbot):
    panel = ChannelPanel(layers)
    qtbot.addWidget(panel)
    yield panel
    panel.close_down()


def chosen(panel: ChannelPanel) -> dict[str, str]:
    return {channel: layer.name for channel, layer in panel.layers().items()}


def test_channels_are_guessed_from_layer_names(channels):
    channels.set_channels(["t1", "flair", "t1ce"])
    assert chosen(channels) == {"t1": "head_T1", "flair": "head_FLAIR"}
    assert channels.missing == ("t1ce",)


def test_channels_follow_layers_that_come_go_and_are_renamed(channels, layers):
    channels.set_channels(["t1ce", "t2"])
    layers.add_image(np.zeros((3, 4, 5)), name="new_T1CE")
    assert chosen(channels) == {"t1ce": "new_T1CE", "t2": "head_t2"}
    layers.layers["head_t2"].name = "nothing told"
    assert channels.missing == ("t2",)
    layers.layers["head_T1"].name = "now_t2"
    assert chosen(channels)["t2"] == "now_t2"
    layers.layers.remove("now_t2")
    assert channels.missing == ("t2",)


def test_a_correction_stays_until_its_layer_goes(channels, layers):
    channels.set_channels(["t2"])
    combo = channels.combos["t2"]
    combo.setCurrentIndex(combo.findText("head_T1"))
    combo.activated.emit(combo.currentIndex())
    layers.add_image(np.zeros((3, 4, 5)), name="another")
    assert chosen(channels) == {"t2": "head_T1"}
    layers.layers.remove("head_T1")
    assert chosen(channels) == {"t2": "head_t2"}


def test_what_was_chosen_for_one_patient_is_not_chosen_for_the_next(qtbot):
    viewer = ViewerModel()
    panel = ChannelPanel(viewer)
    qtbot.addWidget(panel)
    panel.set_channels(["t1", "t2"])

    def opened(path):
        known = {METADATA_KEY: {"path": path}}
        viewer.add_image(np.zeros((3, 4, 5)), name=path, metadata=known)

    for path in ("/p7/a_t2.nii.gz", "/p7/b_t2.nii.gz", "/p7/t1.nii.gz"):
        opened(path)
    combo = panel.combos["t2"]
    combo.setCurrentIndex(combo.findText("/p7/a_t2.nii.gz"))
    combo.activated.emit(combo.currentIndex())
    assert chosen(panel)["t2"] == "/p7/a_t2.nii.gz"
    opened("/p8/t1.nii.gz")
    assert chosen(panel) == {"t1": "/p8/t1.nii.gz"}
    assert panel.missing == ("t2",)
    # Chosen by hand, an image of another folder stays: the panel asks whether it is of one patient.
    combo.setCurrentIndex(combo.findText("/p7/a_t2.nii.gz"))
    combo.activated.emit(combo.currentIndex())
    viewer.add_image(np.zeros((3, 4, 5)), name="something else")
    assert chosen(panel)["t2"] == "/p7/a_t2.nii.gz"
    panel.close_down()


def test_a_single_channel_takes_the_nearest_other_contrast(channels, layers):
    layers.layers.remove("head_t2")
    channels.set_channels(["t2"])
    assert chosen(channels) == {"t2": "head_FLAIR"}


def test_only_volumes_can_be_chosen_and_others_say_why_not(channels, layers):
    layers.add_image(np.zeros((4, 5)), name="flat_t1ce")
    layers.add_image(np.zeros((3, 4, 5, 3), np.uint8), rgb=True, name="photo_t1ce")
    channels.set_channels(["t1ce", "t2"])
    assert channels.missing == ("t1ce",)
    combo = channels.combos["t1ce"]
    items = {combo.itemText(i): combo.model().item(i).isEnabled() for i in range(combo.count())}
    assert items["flat_t1ce (2-D, no volume)"] is False
    assert items["photo_t1ce (a color picture)"] is False
    assert items["head_t2"] is True


def test_of_two_that_fit_the_one_that_was_opened_last_is_taken(channels, layers):
    channels.set_channels(["t2"])
    layers.add_image(np.zeros((3, 4, 5)), name="other_t2")
    assert chosen(channels) == {"t2": "other_t2"}
    layers.layers.remove("other_t2")
    assert chosen(channels) == {"t2": "head_t2"}
