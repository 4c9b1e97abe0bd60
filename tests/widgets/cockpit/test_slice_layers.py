from __future__ import annotations

import numpy as np
import pytest
from run_layers import of_role

pytestmark = pytest.mark.viewer


def test_a_preview_lies_as_the_mask_does(adapt_widget, viewer, ended):
    """Whatever way the file's axes run: the source model's slice is the source model's mask there."""
    from napari_osuda.widgets.cockpit.slice_layers import SliceGeometry

    adapt_widget.adapt()
    ended(adapt_widget)
    cockpit = adapt_widget.cockpit
    geometry = SliceGeometry(cockpit.run.stacks[0], viewer.layers["patient7_t1"])
    for step in (0, 3, 6):
        viewer.dims.set_current_step(0, step)
        index = geometry.current(viewer)
        data, _ = geometry.on_layer(cockpit.previewer.labels(None, 0, index), index)
        np.testing.assert_array_equal(data[0], of_role(viewer, "before").data[step])
    viewer.dims.order = (1, 0, 2)
    assert geometry.current(viewer) is None, "another plane is shown"
