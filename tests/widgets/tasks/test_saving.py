from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

pytestmark = pytest.mark.viewer


def test_a_mask_is_saved_in_the_scanners_space_or_a_sentence_says_why_not(
    viewer, masks, told, tmp_path, patient
):
    found, _ = masks
    _, form = viewer.window.add_plugin_dock_widget("napari-osuda", "OSUDA: Save mask")
    form.mask.value, form.file.value = found, tmp_path / "mask"
    assert told(form) == f"Saved {tmp_path / 'mask.nii.gz'}"
    written = nib.load(tmp_path / "mask.nii.gz")
    image = nib.load(next(patient.glob("*t1.nii.gz")))
    np.testing.assert_array_equal(written.affine, image.affine)
    assert np.count_nonzero(written.dataobj) == np.count_nonzero(found.data)

    before = (tmp_path / "mask.nii.gz").read_bytes()
    (tmp_path / "mask.nii.gz").write_bytes(b"painted by hand")
    for name in ("mask", "mask.nii.gz"):
        form.file.value = tmp_path / name
        assert "exists already. Give another name, or tick Replace." in told(form)
    assert (tmp_path / "mask.nii.gz").read_bytes() == b"painted by hand"
    form.replace.value = True
    assert told(form).startswith("Saved")
    assert len((tmp_path / "mask.nii.gz").read_bytes()) == len(before)

    form.file.value = tmp_path / "mask.dcm"
    assert "not opened from DICOM" in told(form)
    form.file.value = tmp_path
    assert "Give the file a name" in told(form)
    form.mask.value = viewer.add_labels(np.zeros_like(found.data), name="blank")
    form.file.value = tmp_path / "blank.nii.gz"
    assert "blank is empty" in told(form)
    assert not (tmp_path / "blank.nii.gz").exists()


@pytest.mark.parametrize("title", ["OSUDA: Save mask", "OSUDA: Evaluate against a layer"])
def test_the_mask_of_the_active_layer_is_offered_first(viewer, masks, qtbot, title):
    found, reference = masks
    for layer in (reference, found):
        viewer.layers.selection.active = layer
        dock, form = viewer.window.add_plugin_dock_widget("napari-osuda", title)
        qtbot.waitUntil(lambda form=form, layer=layer: form.mask.value is layer, timeout=10_000)
        assert not form.answer.native.isVisible()
        viewer.window.remove_dock_widget(dock)
