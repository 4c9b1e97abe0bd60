from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from training_parts import SPEC, cohort, squares

from napari_osuda.benchmark.training.slices import training_slices
from napari_osuda.imaging import Grid, SliceSpec, case_from_arrays


def test_slices_without_foreground_are_left_out_and_labels_become_classes() -> None:
    slices = cohort(2)
    assert slices.images.shape == (10, 1, 32, 32)
    assert slices.images.dtype == np.float16
    _, labels = squares(0)
    np.testing.assert_array_equal(slices.classes[0], np.array([0, 0, 1, 0, 2], np.uint8)[labels[:, :, 1]])


def test_classes_follow_the_image_through_other_axes_and_resampling() -> None:
    image, labels = squares(3)
    grid = Grid(image.shape, np.diag([2.0, 2, 3, 1]))
    turned = nib.Nifti1Image(image, grid.affine).as_reoriented(np.array([[1, -1], [0, 1], [2, 1]]))
    seg = nib.Nifti1Image(labels, grid.affine).as_reoriented(np.array([[1, -1], [0, 1], [2, 1]]))
    spec = SliceSpec(size=(48, 48), field_of_view_mm=(64.0, 64.0))
    one, two = (
        training_slices(case_from_arrays("a", {"t2": i}, g), lab, spec, {0: 0, 2: 1, 4: 1})
        for i, lab, g in (
            (image, labels, grid),
            (turned.get_fdata(), np.asarray(seg.dataobj), Grid(turned.shape, turned.affine)),
        )
    )
    np.testing.assert_array_equal(one.classes, two.classes)
    np.testing.assert_array_equal(one.images, two.images)
    inside = one.images[:, 0][one.classes == 1]
    assert inside.mean() > one.images[:, 0][one.classes == 0].mean() + 1


def test_a_label_without_a_class_is_named() -> None:
    image, labels = squares(0)
    case = case_from_arrays("patient7", {"t2": image}, Grid(image.shape, np.eye(4)))
    with pytest.raises(ValueError, match="patient7 has the label 4"):
        training_slices(case, labels, SPEC, {0: 0, 2: 1})
