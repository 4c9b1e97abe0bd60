from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest
from qtpy.QtCore import QTimer
from run_layers import names, of_role, roles

from napari_osuda.models import load_model
from napari_osuda.session import After, Finished, Recommendation
from napari_osuda.session.advice import Reason, ReasonKind
from napari_osuda.session.guard.recommendation import Judgment
from napari_osuda.widgets.adapt.widget import AdaptWidget
from napari_osuda.widgets.cockpit.cockpit import _COCKPITS

pytestmark = pytest.mark.viewer


def test_a_run_gives_layers_on_the_image_with_the_cards_names_and_colors(adapt_widget, viewer, ended):
    adapt_widget.adapt()
    ended(adapt_widget)
    assert adapt_widget.run_panel.state == "done", adapt_widget.run_panel.label.text()
    image = viewer.layers["patient7_t1"]
    for name in ("before", "after", "difference"):
        layer = of_role(viewer, name)
        assert layer.data.shape == image.data.shape
        np.testing.assert_array_equal(layer.extent.world, image.extent.world)
        assert layer.units == image.units
        assert layer.axis_labels == image.axis_labels
    after = of_role(viewer, "after")
    assert list(after.features["label"]) == ["background", "edema", "core"]
    assert list(after.features["index"]) == [0, 2, 5]
    np.testing.assert_allclose(
        after.colormap.map(np.array([5]))[0][:3], [0x56 / 255, 0xB4 / 255, 0xE9 / 255], atol=0.01
    )


def test_masks_lie_where_the_run_folder_says(adapt_widget, viewer, ended, patient):
    adapt_widget.adapt()
    ended(adapt_widget)
    folder = adapt_widget.cockpit.result.folder
    assert folder.name.startswith("patient7-")
    saved = nib.load(folder / "after" / "patient7.nii.gz")
    # The file's array is flipped in all but S: the layer's [S, A, R] is its transpose, flipped.
    shown = np.asarray(saved.dataobj)[::-1, ::-1, :].transpose(2, 1, 0)
    np.testing.assert_array_equal(of_role(viewer, "after").data, shown)
    record = json.loads((folder / "run.json").read_text())
    paths = [entry["path"] for entry in record["cases"][0]["inputs"]]
    assert paths == [str(patient / "patient7_t1.nii.gz"), str(patient / "patient7_t2.nii.gz")]
    assert all(entry["sha256"] for entry in record["cases"][0]["inputs"])


def test_painted_corrections_are_saved_in_the_scans_space(adapt_widget, viewer, ended, tmp_path, patient):
    adapt_widget.adapt()
    ended(adapt_widget)
    adapt_widget.outcome_panel.after.click()
    layer = of_role(viewer, "after")
    layer.data[:] = 0
    layer.data[2, 3, 4] = 5
    path = tmp_path / "mask.nii.gz"
    adapt_widget.save_mask(path)
    saved, image = nib.load(path), nib.load(patient / "patient7_t1.nii.gz")
    np.testing.assert_array_equal(saved.affine, image.affine)
    assert saved.shape == image.shape
    mask = np.asarray(saved.dataobj)
    assert mask.sum() == 5
    assert mask[22 - 1 - 4, 18 - 1 - 3, 2] == 5


def test_the_adapted_model_is_saved_as_a_model(adapt_widget, ended, tmp_path):
    adapt_widget.adapt()
    ended(adapt_widget)
    adapt_widget.save_model(tmp_path / "adapted")
    assert load_model(tmp_path / "adapted").card.channels == ("t1", "t2")


def test_dice_is_told_where_a_reference_is_chosen(adapt_widget, viewer, ended):
    panel = adapt_widget.channel_panel
    panel.reference.setCurrentIndex(panel.reference.findText("patient7_seg"))
    panel.reference.activated.emit(panel.reference.currentIndex())
    adapt_widget.adapt()
    ended(adapt_widget)
    case = adapt_widget.cockpit.result.cases[0]
    score = next(s for s in case.scores_after if s.region == "edema")
    assert f"{score.dice:.3f}" in adapt_widget.outcome_panel.details.scores.text()


def test_the_guards_word_is_the_first_choice(adapt_widget, viewer, ended):
    adapt_widget.adapt()
    ended(adapt_widget)
    advice = adapt_widget.cockpit.result.recommendation
    preset = {"accept": "after", "keep-source": "before", "neither": ""}
    assert adapt_widget.outcome_panel.choice == preset[advice.decision]
    adapt_widget.outcome_panel.before.click()
    choice, masks = "before", ("before", "after")
    assert [role for role in masks if of_role(viewer, role).visible] == [choice]
    other = "after" if choice == "before" else "before"
    getattr(adapt_widget.outcome_panel, other).click()
    assert of_role(viewer, other).visible
    assert not of_role(viewer, choice).visible


def test_a_refused_mask_is_not_shown_where_the_window_learns_of_it_and_of_the_end_at_once(
    adapt_widget, viewer, qtbot, ended, monkeypatch
):
    refused = Recommendation("keep-source", (Reason(ReasonKind.EMPTY),))
    monkeypatch.setattr("napari_osuda.session.guard.judging.judged", lambda *_: Judgment(refused, 0.0))
    adapt_widget.adapt()
    ended(adapt_widget)
    result, later = adapt_widget.cockpit.result, []
    # As a window that was too slow for the run's patience finds them: one after the other, waiting.
    adapt_widget._layers.show_after(After(0, result.cases[0].after, refused))
    adapt_widget.run_view.show_end(Finished(result))
    QTimer.singleShot(20, lambda: later.append(True))
    qtbot.waitUntil(lambda: bool(later))
    assert of_role(viewer, "before").visible
    assert not of_role(viewer, "after").visible


def test_pause_resume_and_stop(adapt_widget, qtbot, ended):
    adapt_widget.settings_panel.set_values(iterations=100_000)
    panel = adapt_widget.run_panel
    adapt_widget.adapt()
    qtbot.waitUntil(
        lambda: adapt_widget.cockpit.history is not None and len(adapt_widget.cockpit.history) > 2,
        timeout=60_000,
    )
    assert panel.state == "running"
    panel.pause_button.click()
    qtbot.waitUntil(lambda: panel.state == "paused", timeout=60_000)
    controller = adapt_widget.cockpit.controller
    assert controller.state.value == "paused"
    assert "Resume" in panel.pause_button.text()
    assert "Paused" in panel.label.accessibleName()
    held = len(adapt_widget.cockpit.history)
    panel.pause_button.click()
    qtbot.waitUntil(lambda: len(adapt_widget.cockpit.history) > held + 2, timeout=60_000)
    panel.stop_button.click()
    ended(adapt_widget)
    assert panel.state == "stopped"
    assert adapt_widget.cockpit.result.outcome == "stopped"
    assert panel.adapt_button.isEnabled()


def test_a_second_run_replaces_untouched_layers_and_keeps_edited_ones(adapt_widget, viewer, ended, qtbot):
    adapt_widget.adapt()
    ended(adapt_widget)
    first = adapt_widget.cockpit.result.folder
    painted = of_role(viewer, "after").data
    painted[0, 0, 0] = 5 if painted[0, 0, 0] != 5 else 2
    adapt_widget.adapt()
    ended(adapt_widget)
    qtbot.waitUntil(lambda: "difference (patient7)" in names(viewer), timeout=30_000)
    assert {name for name in names(viewer) if not name.startswith(("patient7", "live preview"))} == {
        "adapted mask (patient7)",
        "adapted mask (patient7), edited",
        "original mask (patient7)",
        "difference (patient7)",
    }
    assert adapt_widget.cockpit.result.folder != first
    assert (first / "after" / "patient7.nii.gz").is_file()


def test_bad_settings_and_bad_layers_are_a_sentence(adapt_widget, viewer, ended):
    adapt_widget.settings_panel.set_values(learning_rate=-1)
    adapt_widget.adapt()
    assert adapt_widget.run_panel.state == "failed"
    assert "learning_rate" in adapt_widget.run_panel.label.text()
    adapt_widget.settings_panel.set_values(learning_rate=1e-4)
    viewer.layers["patient7_t2"].data = np.zeros_like(viewer.layers["patient7_t2"].data)
    adapt_widget.adapt()
    ended(adapt_widget)
    assert adapt_widget.run_panel.state == "failed"
    assert "t2" in adapt_widget.run_panel.label.text()
    assert not roles(viewer)
    assert adapt_widget.run_panel.adapt_button.isEnabled()


def test_layers_on_other_grids_are_refused_by_name(adapt_widget, viewer, ended):
    # As many voxels elsewhere: which image is right, nobody can know.
    moved = viewer.layers["patient7_t2"]
    moved.metadata.pop("napari_osuda")
    moved.translate = (40, 0, 0)
    adapt_widget.adapt()
    ended(adapt_widget)
    assert adapt_widget.run_panel.state == "failed"
    assert "patient7_t2" in adapt_widget.run_panel.label.text()


def test_closing_the_dock_during_a_run_ends_it(adapt_widget, viewer, qtbot):
    adapt_widget.settings_panel.set_values(iterations=100_000)
    adapt_widget.adapt()
    qtbot.waitUntil(
        lambda: adapt_widget.cockpit.history is not None and len(adapt_widget.cockpit.history) > 1,
        timeout=60_000,
    )
    controller = adapt_widget.cockpit.controller
    viewer.window.remove_dock_widget(adapt_widget)
    assert not controller.busy
    assert len(_COCKPITS) == 0


def test_closing_the_viewer_during_a_run_ends_it(adapt_widget, viewer, qtbot):
    adapt_widget.settings_panel.set_values(iterations=100_000)
    adapt_widget.adapt()
    qtbot.waitUntil(
        lambda: adapt_widget.cockpit.history is not None and len(adapt_widget.cockpit.history) > 1,
        timeout=60_000,
    )
    controller = adapt_widget.cockpit.controller
    viewer.close()
    qtbot.waitUntil(lambda: not controller.busy, timeout=60_000)
    qtbot.waitUntil(lambda: len(_COCKPITS) == 0)


def test_mri_of_our_reader_is_seen_radiologically(adapt_widget, viewer):
    assert tuple(str(way) for way in viewer.scene.camera.orientation2d) == ("up", "left")


def test_mri_that_is_opened_later_is_seen_radiologically_too(make_napari_viewer, patient):
    viewer = make_napari_viewer()
    widget = AdaptWidget(viewer)
    viewer.window.add_dock_widget(widget, name="OSUDA: Adapt")
    viewer.open(str(patient / "patient7_t1.nii.gz"), plugin="napari-osuda")
    assert tuple(str(way) for way in viewer.scene.camera.orientation2d) == ("up", "left")
    viewer.scene.camera.orientation2d = ("down", "right")
    viewer.open(str(patient / "patient7_t2.nii.gz"), plugin="napari-osuda")
    assert tuple(str(way) for way in viewer.scene.camera.orientation2d) == ("down", "right")
    viewer.window.remove_dock_widget(widget)
