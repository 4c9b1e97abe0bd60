from __future__ import annotations

import numpy as np
import pytest
from cockpit_parts import begun
from run_layers import of_role

pytestmark = pytest.mark.viewer


def test_the_current_slice_is_previewed_and_makes_room_for_the_result(adapt_widget, viewer, qtbot, ended):
    viewer.dims.set_current_step(0, 4)
    begun(adapt_widget, qtbot)
    qtbot.waitUntil(lambda: "live preview (patient7)" in viewer.layers, timeout=60_000)
    layer, image = of_role(viewer, "preview"), viewer.layers["patient7_t1"]
    assert layer.data.shape == (1, *image.data.shape[1:])
    np.testing.assert_allclose(layer.data_to_world((0, 2, 3)), image.data_to_world((4, 2, 3)))
    assert viewer.layers.selection.active is not layer
    # In a turn of its own.
    qtbot.waitUntil(lambda: not of_role(viewer, "before").visible)
    viewer.dims.set_current_step(0, 2)
    qtbot.waitUntil(
        lambda: np.allclose(layer.data_to_world((0, 0, 0)), image.data_to_world((2, 0, 0))), timeout=60_000
    )
    adapt_widget.run_panel.stop_button.click()
    ended(adapt_widget)
    assert not of_role(viewer, "preview").visible
    adapt_widget.outcome_panel.after.click()
    assert of_role(viewer, "after").visible
