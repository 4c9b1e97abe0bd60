from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from napari.components import ViewerModel
from review_parts import AFFINE, SHAPE, review_case

from napari_osuda.imaging import Grid
from napari_osuda.imaging.world import layer_arguments
from napari_osuda.session.review.log import PLANES
from napari_osuda.session.review.review import Review
from napari_osuda.widgets.review.view.planes import PlaneAxis, find_planes, go_to, plane_in_view, step_in_view


@pytest.fixture
def shown(qapp):
    """A viewer, a layer of the case in it, and where its planes lie."""
    arguments = layer_arguments(Grid(SHAPE, AFFINE))
    viewer = ViewerModel()
    # Axes of a layer are S, A, R.
    layer = viewer.add_labels(np.zeros(SHAPE[::-1], np.uint8), **arguments)
    return viewer, layer, find_planes(Review(review_case()), arguments["metadata"])


@given(st.integers(0, 50), st.integers(1, 51), st.booleans())
def test_an_index_and_its_step_lead_to_each_other(step, count, flipped):
    shown = PlaneAxis(0, max(count, step + 1), flipped)
    assert shown.index(shown.index(step)) == step


def test_every_plane_of_the_case_is_found(shown):
    _, _, planes = shown
    assert {plane: (found.axis, found.count) for plane, found in planes.items()} == {
        "axial": (0, 4), "coronal": (1, 5), "sagittal": (2, 6)
    }  # fmt: skip
    # The array runs to the left, and the layer to the right.
    assert planes["sagittal"].flipped
    assert not planes["axial"].flipped


@pytest.mark.parametrize("plane", PLANES)
def test_the_viewer_goes_to_any_slice_of_any_plane(shown, plane):
    viewer, layer, planes = shown
    for step in range(planes[plane].count):
        go_to(viewer, layer, planes[plane], step)
        assert plane_in_view(viewer, planes) == plane
        assert step_in_view(viewer, layer, planes[plane]) == step


def test_in_3d_no_plane_is_shown(shown):
    viewer, _, planes = shown
    viewer.dims.ndisplay = 3
    assert plane_in_view(viewer, planes) is None
    viewer.dims.ndisplay = 2
    assert plane_in_view(viewer, {}) is None
