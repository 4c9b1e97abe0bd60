from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_osuda.imaging import FINEST, Grid
from napari_osuda.imaging.world import layer_arguments
from napari_osuda.widgets.adapt.inputs.case_of_layers import case_of_layers, grid_problem
from napari_osuda.widgets.adapt.inputs.channel_panel import ChannelPanel

FINE, THICK = np.diag([1.0, 1, 1, 1]), np.diag([1.0, 1, 4, 1])


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    for name, affine, depth in (("flair", THICK, 6), ("t1", FINE, 24)):
        grid = Grid((24, 24, depth), affine)
        image = np.zeros((depth, 24, 24), np.float32)
        image[1:-1, 4:20, 4:20] = 100 + np.arange(16)
        viewer.add_image(image, name=name, **layer_arguments(grid))
    mask = np.zeros((24, 24, 24), int)
    mask[:, :, 12:] = 1
    viewer.add_labels(mask, name="brain", **layer_arguments(Grid((24, 24, 24), FINE)))
    return viewer


@pytest.fixture
def panel(viewer, qtbot):
    panel = ChannelPanel(viewer)
    qtbot.addWidget(panel)
    panel.set_channels(["flair", "t1"])
    yield panel
    panel.close_down()


def choose(combo, data):
    found = [i for i in range(combo.count()) if combo.itemData(i) is data or combo.itemData(i) == data]
    combo.setCurrentIndex(found[0])
    combo.activated.emit(found[0])


def test_the_grid_is_asked_only_where_images_differ(panel):
    assert not panel.preparation_panel.grid.isHidden()
    panel.set_channels(["t1"])
    assert panel.preparation_panel.grid.isHidden()


@pytest.mark.parametrize(("wanted", "depth"), [("", 6), ("t1", 24), (FINEST, 24)])
def test_the_case_lies_on_the_chosen_grid(panel, wanted, depth):
    choose(panel.preparation_panel.grid, wanted)
    preparation, brain = panel.preparation()
    assert brain is None
    assert grid_problem(panel.layers(), chosen=bool(preparation.reference_grid)) == ""
    case = case_of_layers(panel.layers(), ("flair", "t1"), preparation, brain)
    assert case.grid.shape == (24, 24, depth)
    assert case.channels == ("flair", "t1")


def test_a_layer_that_marks_the_brain_is_used(panel, viewer):
    choose(panel.preparation_panel.brain, viewer.layers["brain"])
    preparation, brain = panel.preparation()
    case = case_of_layers(panel.layers(), ("flair", "t1"), preparation, brain)
    assert case.brain_share == pytest.approx(0.5, abs=0.05)
    assert case.preparation.brain_layer == "brain"
    viewer.layers.remove("brain")
    assert panel.preparation()[1] is None
