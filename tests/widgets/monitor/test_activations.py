from __future__ import annotations

import numpy as np
import pytest
from run_layers import names

pytestmark = pytest.mark.viewer


def test_a_picked_channel_is_drawn_on_the_image_before_and_after(after_run, viewer, qtbot, adapt_widget):
    viewer.dims.set_current_step(0, 4)
    cockpit, panel = after_run.cockpit, after_run.panels["distance"]
    layer = cockpit.history.layers[1]
    panel.pick_at(2.5, 1.5)
    titles = [f"{layer.name}, channel 2, {which} model (patient7)" for which in ("source", "adapted")]
    qtbot.waitUntil(lambda: set(titles) <= names(viewer), timeout=60_000)
    before, after = (viewer.layers[title] for title in titles)
    for state, shown in ((None, before), (cockpit.timeline.state(6), after)):
        expected = cockpit.previewer.activation(state, 0, 4, layer, 2)
        np.testing.assert_allclose(shown.data[0], after_run.activations._geometry.on_layer(expected, 4)[0][0])
    assert before.contrast_limits == after.contrast_limits
    assert not np.array_equal(before.data, after.data)
    # They are no images to adapt to.
    assert set(adapt_widget.channel_panel.layers().values()) == {
        viewer.layers["patient7_t1"], viewer.layers["patient7_t2"]
    }  # fmt: skip
    assert f"{layer.name} [2]".replace(" ", "&nbsp;") in after_run.pinned.legend.text()
    np.testing.assert_allclose(
        after_run.pinned.curves[0].getData()[1], cockpit.history["distance"][:, layer.offset + 2]
    )
    after_run.timeline.go_to(2)
    qtbot.waitUntil(
        lambda: np.array_equal(
            after.data[0],
            after_run.activations._geometry.on_layer(
                cockpit.previewer.activation(cockpit.timeline.state(2), 0, 4, layer, 2), 4
            )[0][0],
        ),
        timeout=60_000,
    )
    panel.pick_at(2.5, 1.5)
    assert not before.visible
    assert not after.visible
    assert not after_run.pinned.isVisibleTo(after_run)


def test_a_monitor_that_closes_takes_its_layers_along(after_run, viewer, qtbot):
    after_run.panels["alpha"].pick_at(0.5, 0.5)
    after_run.timeline.go_to(2)
    qtbot.waitUntil(lambda: {"iteration 2 (patient7)"} < names(viewer), timeout=60_000)
    qtbot.waitUntil(lambda: any("adapted model" in name for name in names(viewer)), timeout=60_000)
    viewer.window.remove_dock_widget(after_run)
    left = {name for name in names(viewer) if not name.startswith(("patient7", "live preview"))}
    assert left == {f"{what} (patient7)" for what in ("original mask", "adapted mask", "difference")}
