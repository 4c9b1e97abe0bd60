"""Going back in a run, and looking into its channels, in a viewer."""

from __future__ import annotations

import json

import numpy as np
import pytest
from monitor_parts import shown
from qtpy.QtCore import Qt
from review_widgets import answer, docked
from run_layers import names

from napari_osuda.napari_layers.masks import RESULT_KEY
from napari_osuda.widgets.monitor.timeline_panel import kept_words

pytestmark = pytest.mark.viewer


def test_an_iteration_is_previewed_on_the_current_slice(after_run, viewer, qtbot):
    viewer.dims.set_current_step(0, 4)
    panel = after_run.timeline
    assert panel.slider.maximum() == 5
    assert "All 6" in panel.heading.text()
    assert not panel.use_button.isEnabled()
    panel.slider.setValue(1)
    qtbot.waitUntil(lambda: "iteration 2 (patient7)" in names(viewer), timeout=60_000)
    layer, image = viewer.layers["iteration 2 (patient7)"], viewer.layers["patient7_t1"]
    np.testing.assert_allclose(layer.data_to_world((0, 2, 3)), image.data_to_world((4, 2, 3)))
    expected = after_run.cockpit.previewer.labels(after_run.cockpit.timeline.state(2), 0, 4)
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


def test_other_masks_make_room_for_that_of_an_iteration(after_run, viewer, qtbot):
    seen = [layer for layer in viewer.layers if RESULT_KEY in layer.metadata and layer.visible]
    assert seen
    panel = after_run.timeline
    panel.slider.setValue(1)
    qtbot.waitUntil(lambda: panel.mask.seen, timeout=60_000)
    assert not any(layer.visible for layer in seen)
    panel.slider.setValue(2)
    qtbot.waitUntil(lambda: "iteration 3 (patient7)" in names(viewer), timeout=60_000)
    assert not any(layer.visible for layer in seen)
    panel.latest_button.click()
    assert all(layer.visible for layer in seen)
    assert not panel.mask.seen


def test_the_plots_go_back_as_well(after_run):
    history = after_run.cockpit.history
    after_run.timeline.go_to(3)
    assert "t = 2" in after_run.panels["losses"].legend.text()
    distance = after_run.panels["distance"]
    np.testing.assert_allclose(distance.image.image, shown(history, "distance", 2))
    assert "t = 2" in after_run.panels["distribution"].legend.text()
    after_run.timeline.go_to(None)
    np.testing.assert_allclose(distance.image.image, shown(history, "distance", 5))


def test_an_iteration_is_used(after_run, adapt_widget, viewer, qtbot, ended):
    panel = after_run.timeline
    panel.slider.setValue(3)
    assert "Use iteration 4" in panel.use_button.text()
    panel.use_button.click()
    qtbot.waitUntil(lambda: after_run.cockpit.result.iteration == 4, timeout=60_000)
    ended(adapt_widget)
    record = json.loads((after_run.cockpit.result.folder / "run.json").read_text())
    assert record["iteration_used"] == 4
    assert len(after_run.cockpit.history) == 6, "the curves are those of the run"
    assert panel.slider.maximum() == 5, "any other can still be used"


def test_no_iteration_is_used_while_another_patient_is_seen(after_run, adapt_widget, viewer, qtbot, ended):
    panel, image = after_run.timeline, viewer.layers["patient7_t1"]
    used = after_run.cockpit.result.iteration
    other = viewer.add_image(np.ones(image.data.shape), name="patient B", scale=image.scale)
    panel.slider.setValue(3)
    panel.use_button.click()
    assert not after_run.cockpit.busy
    assert after_run.cockpit.result.iteration == used
    assert "patient B" in panel.note.text()
    assert "which is not of case patient7" in panel.note.text()
    assert image.visible
    assert not other.visible
    panel.use_button.click()
    qtbot.waitUntil(lambda: after_run.cockpit.result is not None and after_run.cockpit.result.iteration == 4)
    ended(adapt_widget)


def test_a_reviewed_run_is_changed_only_after_a_question_and_stays_under_review(
    after_run, adapt_widget, viewer, qtbot, ended
):
    review = docked(viewer)
    qtbot.waitUntil(lambda: review.review is not None)
    index = review.context.row
    review.commands.decide("before")
    panel = after_run.timeline
    used = after_run.cockpit.result.iteration
    panel.slider.setValue(1)
    panel.use_button.click()
    assert "This run has been reviewed." in answer(after_run, "Cancel")
    assert after_run.cockpit.result.iteration == used
    panel.use_button.click()
    answer(after_run, "Use iteration 2")
    qtbot.waitUntil(lambda: after_run.cockpit.result is not None and after_run.cockpit.result.iteration == 2)
    ended(adapt_widget)
    qtbot.waitUntil(lambda: review.run is not None and review.run.result is after_run.cockpit.result)
    assert review.review.choice("axial", index).kind == "before"
    np.testing.assert_array_equal(review.review.case.after, after_run.cockpit.result.cases[0].after)
    viewer.window.remove_dock_widget(review)


def test_another_run_begins_with_nothing_pinned(after_run, adapt_widget, viewer, qtbot, ended):
    after_run.panels["distance"].pick_at(0.5, 0.5)
    qtbot.waitUntil(lambda: any("adapted model" in name for name in names(viewer)), timeout=60_000)
    adapt_widget.settings_panel.set_values(iterations=2)
    adapt_widget.adapt()
    ended(adapt_widget)
    after_run.refresh()
    assert after_run.pinned.pinned == []
    assert not any(layer.visible for layer in viewer.layers if ", channel " in layer.name)
    assert after_run.timeline.slider.maximum() == 1


def test_which_iterations_are_kept_is_said():
    assert kept_words((1,)) == "Iteration 1 is kept."
    assert kept_words((1, 2, 3)) == "All 3 iterations are kept."
    assert kept_words((8, 16, 24, 29)) == "Iterations 8, 16, ... 24 and 29 are kept."
    assert kept_words((8, 16, 24)) == "Iterations 8, 16, 24 are kept."
    assert kept_words((3, 8, 10)) == "Iterations 3, 8, 10 are kept."
