from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_osuda.imaging import Grid, SliceStack, case_from_arrays
from napari_osuda.imaging.world import layer_arguments
from napari_osuda.models import ModelCard
from napari_osuda.napari_layers.masks import RESULT_KEY
from napari_osuda.session import slice_spec
from napari_osuda.widgets.cockpit.slice_mask import SliceMask

SHAPE = (6, 5, 4)
AFFINE = np.diag([-2.0, -2.0, 3.0, 1.0])


def card(**changes):
    changes = {"step": (1, 1), "minimum": (1, 1)} | changes
    return ModelCard.of(channels=("t1",), labels={0: "background", 1: "lesion"}, **changes)


@pytest.fixture
def cockpit():
    """A run on one open image, as far as its masks look at it."""
    grid = Grid(SHAPE, AFFINE)
    values = np.random.default_rng(0).random(SHAPE, np.float32) + 1
    case = case_from_arrays("patient7", {"t1": values}, grid)
    stack = SliceStack(case, slice_spec(card()))
    image = Image(np.zeros(SHAPE[::-1]), name="patient7_t1", **layer_arguments(grid))
    run = SimpleNamespace(job=SimpleNamespace(model=SimpleNamespace(card=card())), stacks=[stack])
    return SimpleNamespace(run=run, image=image, case="patient7", stack=stack)


@pytest.fixture
def viewer(cockpit, qapp):
    viewer = ViewerModel()
    viewer.add_layer(cockpit.image)
    return viewer


def test_the_viewers_slice_is_the_stacks(viewer, cockpit):
    mask = SliceMask(viewer, cockpit, "preview")
    assert mask.current() is None, "not before it is known where the slices lie"
    assert mask.locate()
    for step in range(SHAPE[2]):
        viewer.dims.set_current_step(0, step)
        assert mask.current() == step
    viewer.dims.order = (1, 0, 2)
    assert mask.current() is None


def test_one_layer_follows_the_slices_under_the_cases_name(viewer, cockpit):
    mask = SliceMask(viewer, cockpit, "iteration")
    mask.locate()
    labels = np.ones(SHAPE[:2], np.uint8)
    assert mask.show(labels, 1, "iteration 2") == "iteration 2 (patient7)"
    (layer,) = [layer for layer in viewer.layers if RESULT_KEY in layer.metadata]
    assert layer.data.shape == (1, SHAPE[1], SHAPE[0])
    assert mask.seen
    np.testing.assert_allclose(layer.data_to_world((0, 1, 1)), cockpit.image.data_to_world((1, 1, 1)))
    mask.show(labels, 2, "iteration 3")
    assert [known for known in viewer.layers if RESULT_KEY in known.metadata] == [layer]
    assert layer.name == "iteration 3 (patient7)"
    mask.hide()
    assert not mask.seen
    mask.remove()
    assert layer not in viewer.layers


def test_a_model_of_volumes_has_no_slices_to_show(viewer, cockpit):
    cockpit.run.job.model.card = card(plane="volume", spatial_dims=3, step=(1, 1, 1), minimum=(8, 8, 8))
    mask = SliceMask(viewer, cockpit, "preview")
    assert not mask.locate()
    assert mask.current() is None


def test_another_run_hides_what_is_of_the_one_before(viewer, cockpit):
    mask = SliceMask(viewer, cockpit, "preview")
    mask.locate()
    mask.show(np.ones(SHAPE[:2], np.uint8), 0, "preview")
    mask.begin()
    assert not mask.seen
    assert mask.geometry is None
