"""One patient at a time: what a run has given is not offered for another."""

from __future__ import annotations

import numpy as np
import pytest
from run_layers import names, of_role, roles

from napari_osuda.napari_layers.images import read_layers

pytestmark = pytest.mark.viewer


@pytest.fixture
def after_a_run(adapt_widget, ended):
    adapt_widget.adapt()
    ended(adapt_widget)
    return adapt_widget


def remove(viewer):
    for name in ("patient7_t1", "patient7_t2"):
        viewer.layers.remove(name)


def replace(viewer):
    layer = viewer.layers["patient7_t2"]
    layer.data = layer.data[:, ::-1].copy()


def clear(viewer):
    viewer.layers.clear()


@pytest.mark.parametrize("act", [remove, replace, clear])
def test_images_that_are_removed_or_replaced_end_the_outcome(after_a_run, viewer, tmp_path, act):
    left = []
    after_a_run.cockpit.left.connect(lambda: left.append(True))
    act(viewer)
    assert left == [True]
    assert after_a_run.outcome_panel.isHidden()
    assert after_a_run.cockpit.result is None
    assert not roles(viewer)
    after_a_run.save_mask(tmp_path / "mask.nii.gz")
    assert not (tmp_path / "mask.nii.gz").exists()
    assert after_a_run.run_panel.state == "idle"


def test_what_was_painted_in_stays_hidden_under_its_patients_name(after_a_run, viewer):
    mask = of_role(viewer, "after")
    mask.data[0, 0, 0] = 5 if mask.data[0, 0, 0] != 5 else 2
    remove(viewer)
    assert "adapted mask (patient7), edited" in names(viewer)
    assert not mask.visible


def test_another_patient_beside_the_first_is_not_taken_for_it(after_a_run, viewer, patient, tmp_path):
    other = tmp_path / "patient8"
    other.mkdir()
    for path in patient.glob("*_t?.nii.gz"):
        (other / path.name.replace("patient7", "patient8")).write_bytes(path.read_bytes())
    for path in sorted(other.iterdir()):
        for data, arguments, kind in read_layers(str(path)):
            getattr(viewer, f"add_{kind}")(data, **arguments)
    chosen = after_a_run.channel_panel.layers()
    assert [layer.name for layer in chosen.values()] == ["patient8_t1", "patient8_t2"]
    panel = after_a_run.outcome_panel
    assert not panel.other_case.isHidden()
    assert "patient7" in panel.other_case.text()
    assert "patient8" in panel.other_case.text()
    assert "patient7" in panel.text.text()
    assert all(name.endswith("(patient7)") for role in roles(viewer).values() for name in map(str, role))


def test_images_of_two_patients_are_in_one_run_by_hand_only_and_asked_about(
    after_a_run, viewer, patient, tmp_path, qtbot
):
    other = tmp_path / "patient8"
    other.mkdir()
    (other / "patient8_t2.nii.gz").write_bytes((patient / "patient7_t2.nii.gz").read_bytes())
    after_a_run.opening.open([other / "patient8_t2.nii.gz"])
    qtbot.waitUntil(lambda: "patient8_t2" in viewer.layers and not after_a_run.opening.busy, timeout=60_000)
    assert after_a_run.channel_panel.missing == ("t1",)
    assert not after_a_run.run_panel.adapt_button.isEnabled()
    assert "not of patient8" in after_a_run.outcome_panel.other_case.text()
    combo = after_a_run.channel_panel.combos["t1"]
    combo.setCurrentIndex(combo.findText("patient7_t1"))
    combo.activated.emit(combo.currentIndex())
    asked = "The images are in different folders (patient7, patient8). Are they of one patient?"
    assert asked in after_a_run.note.text()
    assert "not of all images that are chosen now" in after_a_run.outcome_panel.other_case.text()
    # What is opened meanwhile takes the question away for as long as it is read.
    after_a_run.opening.open([patient / "patient7_seg.nii.gz"])
    assert asked not in after_a_run.note.text()
    qtbot.waitUntil(lambda: asked in after_a_run.note.text(), timeout=60_000)


def test_a_run_under_way_goes_on_when_its_images_are_removed(adapt_widget, viewer, qtbot, ended):
    adapt_widget.settings_panel.set_values(iterations=6)
    adapt_widget.adapt()
    qtbot.waitUntil(lambda: adapt_widget.cockpit.history is not None, timeout=60_000)
    remove(viewer)
    ended(adapt_widget)
    assert adapt_widget.run_panel.state == "done", adapt_widget.run_panel.label.text()
    assert "patient7" in adapt_widget.outcome_panel.text.text()
    assert isinstance(of_role(viewer, "after").data, np.ndarray)


def test_the_timeline_and_the_channels_of_a_left_run_are_gone(after_a_run, viewer):
    from napari_osuda.widgets.monitor.widget import MonitorWidget

    monitor = MonitorWidget(viewer)
    viewer.window.add_dock_widget(monitor, name="OSUDA: Monitor")
    monitor.refresh()
    assert monitor.timeline.isVisibleTo(monitor)
    remove(viewer)
    assert not monitor.timeline.isVisibleTo(monitor)
    monitor.pin(0)
    viewer.window.remove_dock_widget(monitor)


def test_the_review_of_a_left_run_is_over(after_a_run, viewer, qtbot):
    after_a_run.outcome_panel.review_button.click()
    (title,) = [name for name in viewer.window.dock_widgets if name.startswith("OSUDA: Review")]
    review = viewer.window.dock_widgets[title]
    qtbot.waitUntil(lambda: review.review is not None, timeout=60_000)
    remove(viewer)
    assert review.review is None
    assert not any("patient7" in name for name in names(viewer) if not name.startswith("patient7_seg"))
    # And no mask is put back for it.
    qtbot.wait(50)
    assert review.review is None
