"""Closing, resuming, queueing, previewing: what surrounds a run in a viewer."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from cockpit_parts import begun
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QPushButton, QSlider, QToolButton
from run_layers import names, of_role

from napari_osuda.models import load_model
from napari_osuda.session import find_unfinished
from napari_osuda.widgets.adapt.widget import AdaptWidget
from napari_osuda.widgets.cockpit.cockpit import _COCKPITS

pytestmark = pytest.mark.viewer


def close_button(widget) -> QPushButton:
    (button,) = widget.parent().findChildren(QPushButton, "QTitleBarCloseButton")
    return button


def open_files(folder: Path) -> list[str]:
    links = [Path(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
    targets = [os.readlink(link) for link in links if link.is_symlink()]
    return [target for target in targets if target.startswith(str(folder))]


def test_the_dock_is_not_closed_on_a_run_without_a_word(adapt_widget, qtbot):
    out = begun(adapt_widget, qtbot)
    asked = []
    adapt_widget.closing.ask = lambda question: bool(asked.append(question))
    controller, button = adapt_widget.cockpit.controller, close_button(adapt_widget)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Space)
    assert len(asked) == 2
    assert str(out) in asked[0]
    assert controller.busy
    assert adapt_widget.parent() is not None

    adapt_widget.closing.ask = lambda question: True
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not _COCKPITS, timeout=60_000)
    assert not controller.busy
    assert not torch.overrides._get_current_function_mode_stack()
    assert open_files(out) == []


def test_the_window_is_not_closed_on_a_run_without_a_word(adapt_widget, viewer, qtbot):
    begun(adapt_widget, qtbot)
    viewer.window.show()
    window, answers = viewer.window._qt_window, [False]
    adapt_widget.closing.ask = lambda question: answers[-1]
    window.close()
    assert window.isVisible()
    assert adapt_widget.cockpit.busy
    adapt_widget.cockpit.controller.stop()
    qtbot.waitUntil(lambda: not adapt_widget.cockpit.busy, timeout=60_000)
    answers.clear()


def test_without_a_run_nobody_is_asked(adapt_widget, qtbot):
    adapt_widget.closing.ask = lambda question: pytest.fail("asked for nothing")
    qtbot.mouseClick(close_button(adapt_widget), Qt.MouseButton.LeftButton)
    assert len(_COCKPITS) == 0


@pytest.fixture
def reopened(adapt_widget, viewer, qtbot, tmp_path):
    """The widget opened anew after it was closed in the middle of a run of 12 iterations."""
    adapt_widget.settings_panel.set_values(iterations=12, learning_rate=1e-3)
    controller = adapt_widget.cockpit.controller
    # On the run's own thread: by the time that the window hears of a step there may be others.
    controller.stepped.connect(lambda event: controller.pause() if event.report.t == 3 else None)
    adapt_widget.adapt()
    qtbot.waitUntil(lambda: adapt_widget.run_panel.state == "paused", timeout=60_000)
    viewer.window.remove_dock_widget(adapt_widget)
    for layer in list(viewer.layers):
        viewer.layers.remove(layer)
    again = AdaptWidget(viewer)
    viewer.window.add_dock_widget(again, name="OSUDA: Adapt")
    qtbot.waitUntil(lambda: bool(again.resume_panel.runs), timeout=60_000)
    yield again
    viewer.window.remove_dock_widget(again)


def test_a_run_that_was_interrupted_is_offered_and_reaches_the_same_bits(
    reopened, viewer, model_folder, patient, ended
):
    from napari_osuda.imaging import read_case
    from napari_osuda.session import adapt_case

    panel = reopened.resume_panel
    assert panel.isVisibleTo(reopened)
    assert "patient7" in panel.text.text()
    job = panel.runs[0].job()
    panel.resume_button.click()
    ended(reopened)
    assert reopened.run_panel.state == "done", reopened.run_panel.label.text()
    assert not panel.isVisibleTo(reopened)
    model = load_model(model_folder)
    whole = adapt_case(model, read_case(patient, model.card.channels), job.config)
    result = reopened.cockpit.result
    assert len(result.reports) == 12
    for a, b in zip(whole.network.state_dict().values(), result.network.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    # On the images of the case, which were opened for it.
    after = of_role(viewer, "after")
    np.testing.assert_array_equal(after.extent.world, viewer.layers["patient7_t1"].extent.world)
    assert find_unfinished(result.folder.parent) == []


def test_a_run_that_was_interrupted_can_be_left_for_later_or_discarded(reopened, qtbot):
    panel, folder = reopened.resume_panel, reopened.resume_panel.runs[0].folder
    panel.later_button.click()
    assert not panel.isVisibleTo(reopened)
    panel.look([folder.parent])
    qtbot.waitUntil(lambda: bool(panel.runs), timeout=60_000)
    panel.discard_button.click()
    assert find_unfinished(folder.parent) == []
    assert (folder / "before" / "patient7.nii.gz").is_file()


def test_settings_are_fixed_while_a_run_is_under_way(adapt_widget, qtbot, ended):
    panel = adapt_widget.settings_panel
    begun(adapt_widget, qtbot)
    assert not any(panel.fields[name].enabled for name in ("lambda0", "iterations"))
    assert not panel.method.isEnabled()
    adapt_widget.run_panel.stop_button.click()
    ended(adapt_widget)
    assert all(field.enabled for field in panel.fields.values())
    assert panel.method.isEnabled()
    assert panel.strength.isEnabled()


def test_waiting_runs_follow_by_themselves(adapt_widget, qtbot, ended, tmp_path, model_folder):
    adapt_widget.queue()
    adapt_widget.settings_panel.set_values(iterations=2)
    panel = adapt_widget.queue_panel
    qtbot.waitUntil(lambda: len(panel.waiting) == 1, timeout=60_000)
    adapt_widget.queue()
    qtbot.waitUntil(lambda: len(panel.waiting) == 2, timeout=60_000)
    assert not adapt_widget.cockpit.busy
    assert panel.start_button.isVisibleTo(adapt_widget)
    results = []
    adapt_widget.cockpit.ended.connect(results.append)
    panel.start_button.click()
    qtbot.waitUntil(lambda: len(results) == 2 and not adapt_widget.cockpit.busy, timeout=60_000)
    assert [len(result.reports) for result in results] == [3, 2]
    assert len({result.folder for result in results}) == 2
    assert all((result.folder / "run.json").is_file() for result in results)
    assert not panel.isVisibleTo(adapt_widget)


def test_a_stop_holds_the_queue(adapt_widget, qtbot, ended):
    begun(adapt_widget, qtbot)
    adapt_widget.queue()
    panel = adapt_widget.queue_panel
    qtbot.waitUntil(lambda: len(panel.waiting) == 1, timeout=60_000)
    adapt_widget.run_panel.stop_button.click()
    ended(adapt_widget)
    qtbot.wait(50)
    assert not adapt_widget.cockpit.busy
    assert panel.start_button.isVisibleTo(adapt_widget)
    (remove,) = panel.findChildren(QToolButton)
    remove.click()
    assert not panel.waiting


@pytest.mark.parametrize("model", ["source", "result"])
def test_run_again(model, adapt_widget, viewer, ended, qtbot):
    adapt_widget.settings_panel.set_values(learning_rate=1e-2)
    adapt_widget.adapt()
    ended(adapt_widget)
    first = adapt_widget.cockpit.result
    adapt_widget.run_again(model)
    qtbot.waitUntil(lambda: adapt_widget.run_panel.state == "loading", timeout=60_000)
    ended(adapt_widget)
    second = adapt_widget.cockpit.result
    assert second.folder != first.folder
    record = json.loads((second.folder / "run.json").read_text())
    expected = first.job.model.path if model == "source" else first.folder / "model"
    assert record["model"]["path"] == str(expected)
    if model == "source":
        np.testing.assert_array_equal(second.cases[0].after, first.cases[0].after)
    else:
        np.testing.assert_array_equal(second.cases[0].before, first.cases[0].after)
        assert adapt_widget.model_panel.combo.currentData() == str(expected)


def test_using_an_iteration_shows_its_mask_and_keeps_what_was_painted(adapt_widget, viewer, ended, qtbot):
    adapt_widget.settings_panel.set_values(iterations=6, learning_rate=1e-2)
    adapt_widget.adapt()
    ended(adapt_widget)
    folder = adapt_widget.cockpit.result.folder
    painted = of_role(viewer, "after")
    painted.data[0, 0, 0] = 5 if painted.data[0, 0, 0] != 5 else 2
    adapt_widget.cockpit.use_iteration(2)
    qtbot.waitUntil(lambda: adapt_widget.cockpit.result.iteration == 2, timeout=60_000)
    ended(adapt_widget)
    assert adapt_widget.run_panel.state == "done"
    assert "The result is that of iteration 2, as chosen" in adapt_widget.run_panel.label.text()
    assert {
        "adapted mask (patient7)",
        "adapted mask (patient7), edited",
        "original mask (patient7)",
    } <= names(viewer)
    saved = np.asarray(nib.load(folder / "after" / "patient7.nii.gz").dataobj)
    np.testing.assert_array_equal(of_role(viewer, "after").data, saved[::-1, ::-1, :].transpose(2, 1, 0))
    assert json.loads((folder / "run.json").read_text())["iteration_used"] == 2


def test_states_go_with_the_next_run(adapt_widget, ended):
    adapt_widget.adapt()
    ended(adapt_widget)
    folder = adapt_widget.cockpit.result.folder
    assert len(list((folder / "timeline").iterdir())) == 3
    adapt_widget.adapt()
    ended(adapt_widget)
    assert not (folder / "timeline").exists()


def test_what_the_user_should_know_of_images_and_model_is_told(adapt_widget, viewer, qtbot):
    viewer.layers["patient7_t1"].metadata["napari_osuda"]["oblique_degrees"] = 12.34
    adapt_widget.channel_panel.refresh()
    assert "is tilted by 12.3°" in adapt_widget.note.text()
    viewer.layers["patient7_t1"].metadata["napari_osuda"]["thickness"] = 0.1
    adapt_widget.channel_panel.refresh()
    assert "Are slices missing?" in adapt_widget.note.text()
    moved = viewer.layers["patient7_t2"]
    moved.metadata.pop("napari_osuda")
    moved.translate = (40, 0, 0)
    adapt_widget.channel_panel.refresh()
    assert "patient7_t2" in adapt_widget.run_panel.label.text()
    assert not adapt_widget.run_panel.adapt_button.isEnabled()


def test_review_opens_on_the_result(adapt_widget, viewer, ended, qtbot):
    adapt_widget.adapt()
    ended(adapt_widget)
    adapt_widget.outcome_panel.review_button.click()
    (title,) = [name for name in viewer.window.dock_widgets if name.startswith("OSUDA: Review")]
    review = viewer.window.dock_widgets[title]
    qtbot.waitUntil(lambda: review.review is not None, timeout=60_000)


def test_everything_that_can_be_used_says_what_it_is(adapt_widget, viewer):
    from napari_osuda.widgets.monitor.widget import MonitorWidget

    monitor = MonitorWidget(viewer)
    viewer.window.add_dock_widget(monitor, name="OSUDA: Monitor")
    for widget in (adapt_widget, monitor):
        for kind in (QAbstractButton, QComboBox, QSlider, QLineEdit):
            for child in widget.findChildren(kind):
                inner = (
                    not child.isVisibleTo(widget)
                    or child.objectName().startswith("qt_")
                    or isinstance(child.parent(), QComboBox)
                )
                text = getattr(child, "text", lambda: "")() if kind is QAbstractButton else ""
                assert inner or child.accessibleName() or len(text) > 1, (widget, child.parent(), child)
    viewer.window.remove_dock_widget(monitor)
