"""The masks of a run as layers: steady, called by their case, and never mixed up with another's."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from run_layers import names, of_role

from napari_osuda.napari_layers.images import read_layers
from napari_osuda.session import Recommendation
from napari_osuda.session.advice import Reason, ReasonKind
from napari_osuda.session.guard.recommendation import Judgment

pytestmark = pytest.mark.viewer


@pytest.fixture
def watched(adapt_widget, viewer):
    """What was added to the viewer and taken away while a run was under way."""
    changes = []

    def note(event):
        if adapt_widget.cockpit.busy:
            changes.append((event.type, event.value.name))

    viewer.layers.events.inserted.connect(note)
    viewer.layers.events.removed.connect(note)
    yield changes
    viewer.layers.events.inserted.disconnect(note)
    viewer.layers.events.removed.disconnect(note)


def test_no_layer_is_taken_away_during_a_run_nor_added_twice(adapt_widget, viewer, ended, watched):
    for _ in range(3):
        adapt_widget.adapt()
        ended(adapt_widget)
    assert not [name for kind, name in watched if kind == "removed"]
    added = [name for kind, name in watched if kind == "inserted"]
    assert len(added) == len(set(added))
    assert not any("[" in name for name in names(viewer))


def test_a_run_on_another_patient_moves_the_layers_that_are_there(
    adapt_widget, viewer, ended, watched, patient, tmp_path
):
    adapt_widget.adapt()
    ended(adapt_widget)
    first = of_role(viewer, "after")
    watched.clear()
    other = tmp_path / "patient9"
    other.mkdir()
    for channel in ("t1", "t2"):
        image = nib.load(patient / f"patient7_{channel}.nii.gz")
        affine = image.affine.copy()
        affine[:3, 3] += 5.0
        path = other / f"patient9_{channel}.nii.gz"
        nib.save(nib.Nifti1Image(np.asarray(image.dataobj)[:, :, :-1], affine), path)
        for data, arguments, _ in read_layers(str(path)):
            viewer.add_image(data, **arguments)
    panel = adapt_widget.channel_panel
    assert [layer.name for layer in panel.layers().values()] == ["patient9_t1", "patient9_t2"]
    adapt_widget.adapt()
    ended(adapt_widget)
    assert adapt_widget.run_panel.state == "done", adapt_widget.run_panel.label.text()
    assert not [name for kind, name in watched if kind == "removed"]
    second, image = of_role(viewer, "after", "patient9"), viewer.layers["patient9_t1"]
    assert second is first
    assert second.data.shape == image.data.shape
    np.testing.assert_allclose(second.extent.world, image.extent.world)
    assert second.units == image.units


def test_names_that_are_taken_get_a_number_of_ours(adapt_widget, viewer, ended):
    viewer.add_image(np.zeros((2, 2, 2)), name="adapted mask (patient7)")
    for value in (2, 5):
        adapt_widget.adapt()
        ended(adapt_widget)
        mask = adapt_widget.results._made["after"][0]
        mask.data[0, 0, 0] = value if mask.data[0, 0, 0] != value else 0
    adapt_widget.adapt()
    ended(adapt_widget)
    assert not any("[" in name for name in names(viewer))
    edited = [name for name in names(viewer) if "edited" in name]
    assert len(edited) == 2
    assert not any(viewer.layers[name].visible for name in edited)


def test_a_deleted_mask_is_put_back_when_it_is_chosen(adapt_widget, viewer, ended):
    adapt_widget.adapt()
    ended(adapt_widget)
    layer = of_role(viewer, "before")
    expected = layer.data.copy()
    viewer.layers.remove(layer)
    adapt_widget.outcome_panel.before.click()
    np.testing.assert_array_equal(of_role(viewer, "before").data, expected)
    # The very layer: an open review, which holds it too, puts up no second one.
    assert of_role(viewer, "before") is layer
    assert layer.visible


@pytest.mark.parametrize("decision", ["accept", "neither"])
def test_after_a_run_the_viewer_is_at_the_slice_with_most_change(
    adapt_widget, viewer, ended, monkeypatch, decision
):
    advice = Recommendation(decision, (Reason(ReasonKind.UNCHANGED),))
    monkeypatch.setattr("napari_osuda.session.guard.judging.judged", lambda *_: Judgment(advice, 1.0))
    viewer.dims.set_current_step(0, 0)
    adapt_widget.adapt()
    ended(adapt_widget)
    layer = of_role(viewer, "difference")
    changes = [np.count_nonzero((plane != 0) & (plane != 3)) for plane in layer.data]
    most = int(np.argmax(changes))
    assert most != 0, "else nothing would be seen of it"
    at = round(layer.world_to_data(viewer.dims.point)[0])
    assert at == most
    if decision == "neither":
        assert not any(of_role(viewer, role).visible for role in ("before", "after", "difference"))


@pytest.mark.parametrize("is_removed", [True, False])
def test_a_piece_that_was_removed_is_seen_where_the_viewer_goes(adapt_widget, viewer, ended, is_removed):
    adapt_widget.adapt()
    ended(adapt_widget)
    results = adapt_widget.results
    masks = {role: results.labels(role) * 0 for role in ("before", "after")}
    # In the middle of the volume, and at least in one slice of every plane.
    middle = tuple(slice(size // 2, size // 2 + 1) for size in masks["before"].shape)
    masks["before" if is_removed else "after"][middle] = 1
    results.show_before(masks["before"])
    results.show_after(masks["after"])
    results.prefer("after")
    results.show_difference(results.difference())
    layer = results._made["difference"][0]
    assert layer.visible is is_removed
