from __future__ import annotations

import numpy as np
import pytest

from napari_osuda.imaging.world import to_shown

pytestmark = pytest.mark.viewer


@pytest.mark.filterwarnings("ignore:Contours are not displayed during 3D")
def test_layers_hold_the_masks_on_the_image_and_are_locked(widget, empty):
    layers = widget.layers.layers
    review = widget.review
    for role in ("before", "after"):
        np.testing.assert_array_equal(
            layers[role].data, to_shown(getattr(review.case, role), review.case.grid)
        )
    assert np.shares_memory(layers["final"].data, review.final)
    for layer in empty.layers:
        assert not layer.editable
        np.testing.assert_array_equal(layer.extent.world, empty.layers["case_flair"].extent.world)
    assert list(layers["after"].features["label"]) == ["background", "core", "edema"]
    empty.dims.ndisplay = 3
    empty.dims.ndisplay = 2
    assert not any(layer.editable for layer in empty.layers), "napari unlocks layers on the way back from 3-D"
