"""Going back in a run, and looking into its channels, in a viewer."""

from __future__ import annotations

import json

import numpy as np
import pytest
from qtpy.QtCore import Qt
from review_widgets import answer, docked
from run_layers import names

from napari_osuda.widgets.monitor.cells import arranged, picture_of
from napari_osuda.widgets.monitor.timeline_panel import kept_words
from napari_osuda.widgets.monitor.widget import MonitorWidget

pytestmark = pytest.mark.viewer


@pytest.fixture
def monitor(adapt_widget, viewer, ended):
    """The monitor of a run of six iterations that has ended."""
    widget = MonitorWidget(viewer)
    viewer.window.add_dock_widget(widget, name="OSUDA: Monitor")
    adapt_widget.settings_panel.set_values(iterations=6, learning_rate=1e-2)
    viewer.dims.set_current_step(0, 4)
    adapt_widget.adapt()
    ended(adapt_widget)
    widget.refresh()
    yield widget
    if not widget._ended:
        viewer.window.remove_dock_widget(widget)


def shown(history, column, row=-1):
    """What a map in the network's order shows."""
    return picture_of(history[column][row], arranged(history.layers)[1])


def test_an_iteration_is_previewed_on_the_current_slice(monitor, viewer, qtbot):
    viewer.dims.set_current_step(0, 4)
    panel = monitor.timeline
    assert panel.slider.maximum() == 5
    assert "All 6" in panel.heading.text()
    assert not panel.use_button.isEnabled()
    panel.slider.setValue(1)
    qtbot.waitUntil(lambda: "iteration 2 (patient7)" in names(viewer), timeout=60_000)
    layer, image = viewer.layers["iteration 2 (patient7)"], viewer.layers["patient7_t1"]
    np.testing.assert_allclose(layer.data_to_world((0, 2, 3)), image.data_to_world((4, 2, 3)))
    expected = monitor.cockpit.previewer.labels(monitor.cockpit.timeline.state(2), 0, 4)
    np.testing.assert_array_equal(layer.data[0], panel.mask.geometry.on_layer(expected, 4)[0][0])
    assert "iteration 2 of 6" in panel.heading.text()
    viewer.dims.set_current_step(0, 1)
    qtbot.waitUntil(
        lambda: np.allclose(layer.data_to_world((0, 0, 0)), image.data_to_world((1, 0, 0))), timeout=60_000
    )
    qtbot.keyClick(panel.slider, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: "iteration 3 (patient7)" in names(viewer), timeout=60_000)
    panel.latest_button.click()
    assert not layer.visible
    panel.slider.setValue(0)
    qtbot.waitUntil(lambda: layer.visible and layer.name == "iteration 1 (patient7)", timeout=60_000)


def test_the_plots_go_back_as_well(monitor):
    history = monitor.cockpit.history
    monitor.timeline.go_to(3)
    assert "t = 2" in monitor.panels["losses"].legend.text()
    distance = monitor.panels["distance"]
    np.testing.assert_allclose(distance.image.image, shown(history, "distance", 2))
    assert "t = 2" in monitor.panels["distribution"].legend.text()
    monitor.timeline.go_to(None)
    np.testing.assert_allclose(distance.image.image, shown(history, "distance", 5))


def test_an_iteration_is_used(monitor, adapt_widget, viewer, qtbot, ended):
    panel = monitor.timeline
    panel.slider.setValue(3)
    assert "Use iteration 4" in panel.use_button.text()
    panel.use_button.click()
    qtbot.waitUntil(lambda: monitor.cockpit.result.iteration == 4, timeout=60_000)
    ended(adapt_widget)
    record = json.loads((monitor.cockpit.result.folder / "run.json").read_text())
    assert record["iteration_used"] == 4
    assert len(monitor.cockpit.history) == 6, "the curves are those of the run"
    assert panel.slider.maximum() == 5, "any other can still be used"


def test_a_reviewed_run_is_changed_only_after_a_question_and_stays_under_review(
    monitor, adapt_widget, viewer, qtbot, ended
):
    review = docked(viewer)
    qtbot.waitUntil(lambda: review.review is not None)
    index = review.desk.row
    review.acts.decide("before")
    panel = monitor.timeline
    panel.slider.setValue(1)
    panel.use_button.click()
    assert "(1 decision)" in answer(monitor, "Cancel")
    assert monitor.cockpit.result.iteration is None
    panel.use_button.click()
    answer(monitor, "Use iteration 2")
    qtbot.waitUntil(lambda: monitor.cockpit.result is not None and monitor.cockpit.result.iteration == 2)
    ended(adapt_widget)
    qtbot.waitUntil(lambda: review.run is not None and review.run.result is monitor.cockpit.result)
    assert review.review.choice("axial", index).kind == "before"
    np.testing.assert_array_equal(review.review.case.after, monitor.cockpit.result.cases[0].after)
    viewer.window.remove_dock_widget(review)


def test_a_picked_channel_is_drawn_on_the_image_before_and_after(monitor, viewer, qtbot, adapt_widget):
    viewer.dims.set_current_step(0, 4)
    cockpit, panel = monitor.cockpit, monitor.panels["distance"]
    layer = cockpit.history.layers[1]
    panel.pick_at(2.5, 1.5)
    titles = [f"{layer.name}, channel 2, {which} model (patient7)" for which in ("source", "adapted")]
    qtbot.waitUntil(lambda: set(titles) <= names(viewer), timeout=60_000)
    before, after = (viewer.layers[title] for title in titles)
    for state, shown in ((None, before), (cockpit.timeline.state(6), after)):
        expected = cockpit.previewer.activation(state, 0, 4, layer, 2)
        np.testing.assert_allclose(shown.data[0], monitor.activations._geometry.on_layer(expected, 4)[0][0])
    assert before.contrast_limits == after.contrast_limits
    assert not np.array_equal(before.data, after.data)
    # They are no images to adapt to.
    assert set(adapt_widget.channel_panel.layers().values()) == {
        viewer.layers["patient7_t1"], viewer.layers["patient7_t2"]
    }  # fmt: skip
    assert f"{layer.name} [2]".replace(" ", "&nbsp;") in monitor.pinned.legend.text()
    np.testing.assert_allclose(
        monitor.pinned.curves[0].getData()[1], cockpit.history["distance"][:, layer.offset + 2]
    )
    monitor.timeline.go_to(2)
    qtbot.waitUntil(
        lambda: np.array_equal(
            after.data[0],
            monitor.activations._geometry.on_layer(
                cockpit.previewer.activation(cockpit.timeline.state(2), 0, 4, layer, 2), 4
            )[0][0],
        ),
        timeout=60_000,
    )
    panel.pick_at(2.5, 1.5)
    assert not before.visible
    assert not after.visible
    assert not monitor.pinned.isVisibleTo(monitor)


def test_a_monitor_that_closes_takes_its_layers_along(monitor, viewer, qtbot):
    monitor.panels["alpha"].pick_at(0.5, 0.5)
    monitor.timeline.go_to(2)
    qtbot.waitUntil(lambda: {"iteration 2 (patient7)"} < names(viewer), timeout=60_000)
    qtbot.waitUntil(lambda: any("adapted model" in name for name in names(viewer)), timeout=60_000)
    viewer.window.remove_dock_widget(monitor)
    left = {name for name in names(viewer) if not name.startswith(("patient7", "live preview"))}
    assert left == {f"{what} (patient7)" for what in ("original mask", "adapted mask", "difference")}


def test_another_run_begins_with_nothing_pinned(monitor, adapt_widget, viewer, qtbot, ended):
    monitor.panels["distance"].pick_at(0.5, 0.5)
    qtbot.waitUntil(lambda: any("adapted model" in name for name in names(viewer)), timeout=60_000)
    adapt_widget.settings_panel.set_values(iterations=2)
    adapt_widget.adapt()
    ended(adapt_widget)
    monitor.refresh()
    assert monitor.pinned.pinned == []
    assert not any(layer.visible for layer in viewer.layers if ", channel " in layer.name)
    assert monitor.timeline.slider.maximum() == 1


def test_which_iterations_are_kept_is_said():
    assert kept_words((1, 2, 3)) == "All 3 iterations are kept."
    assert kept_words((8, 16, 24, 29)) == "Iterations 8, 16, ... 24 and 29 are kept."
    assert kept_words((8, 16, 24)) == "Iterations 8, 16, ... 16 and 24 are kept."
    assert kept_words((3, 8, 10)) == "Iterations 3, 8, 10 are kept."
