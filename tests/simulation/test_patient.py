from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from napari_osuda.simulation import CONTRASTS, LABELS, SCANNERS, simulate_patient
from napari_osuda.simulation.anatomy import place_head, sample_anatomy

COARSE = (3.5, 3.5, 6.0)


def test_the_seed_fixes_the_patient(high_grade) -> None:
    again = simulate_patient(41, "high", SCANNERS["A"], spacing=COARSE)
    for contrast in CONTRASTS:
        np.testing.assert_array_equal(again.images[contrast], high_grade.images[contrast])
    np.testing.assert_array_equal(again.labels, high_grade.labels)


def test_another_seed_is_another_patient(high_grade) -> None:
    other = simulate_patient(42, "high", SCANNERS["A"], spacing=COARSE)
    assert other.labels.shape != high_grade.labels.shape or (other.labels != high_grade.labels).any()


def test_fewer_contrasts_are_the_same_images(high_grade) -> None:
    alone = simulate_patient(41, "high", SCANNERS["A"], contrasts=("flair",), spacing=COARSE)
    assert list(alone.images) == ["flair"]
    np.testing.assert_array_equal(alone.images["flair"], high_grade.images["flair"])


def test_images_are_skull_stripped_on_one_mask(high_grade, low_grade) -> None:
    for patient in (high_grade, low_grade):
        mask = patient.images["t1"] != 0
        assert 0.15 < mask.mean() < 0.7
        for image in patient.images.values():
            assert image.dtype == np.float32
            np.testing.assert_array_equal(image != 0, mask)
            assert image[mask].min() >= 1
        assert not patient.labels[~mask].any()
        # Some air on every side, so no head is cut off.
        for axis in range(3):
            assert not mask.take([0, -1], axis=axis).any()


def test_labels_are_those_of_brats_and_nested(high_grade) -> None:
    labels = high_grade.labels
    assert labels.dtype == np.uint8
    assert set(np.unique(labels)) == set(LABELS)
    # The enhancing rim lies in the tumour: most of what surrounds it is tumour too.
    enhancing = labels == 4
    around = np.roll(enhancing, 1, axis=0) & ~enhancing
    assert (labels[around] != 0).mean() > 0.7


def test_low_grade_hardly_enhances_and_is_mostly_core() -> None:
    volumes = np.zeros(5)
    for seed in range(6):
        labels = simulate_patient(seed, "low", contrasts=(), spacing=(4.0, 4.0, 6.0)).labels
        volumes += np.bincount(labels.ravel(), minlength=5)
    core, oedema, enhancing = volumes[[1, 2, 4]]
    assert core > oedema
    assert enhancing < 0.05 * core


def test_without_a_tumour_nothing_is_labelled() -> None:
    patient = simulate_patient(5, None, contrasts=("t2",), spacing=COARSE)
    assert not patient.labels.any()
    assert patient.images["t2"].any()


def test_affine_has_the_spacing_and_puts_the_head_in_the_middle(high_grade) -> None:
    np.testing.assert_allclose(nib.affines.voxel_sizes(high_grade.affine), COARSE)
    assert nib.aff2axcodes(high_grade.affine) == ("R", "A", "S")
    middle = (np.array(high_grade.labels.shape) - 1) / 2
    np.testing.assert_allclose(nib.affines.apply_affine(high_grade.affine, middle), 0, atol=1e-9)


def test_tumour_is_bright_in_t2_and_flair_and_fluid_only_in_t2(high_grade) -> None:
    images, labels = high_grade.images, high_grade.labels
    brain = (images["t1"] != 0) & (labels == 0)
    for contrast in ("t2", "flair"):
        assert np.median(images[contrast][labels == 2]) > 1.2 * np.median(images[contrast][brain])
    # Fluid is what T1 shows darkest and T2 brightest.
    fluid = brain & (images["t2"] > np.quantile(images["t2"][brain], 0.98))
    assert np.median(images["flair"][fluid]) < 0.7 * np.median(images["flair"][brain])
    assert np.median(images["t1ce"][labels == 4]) > np.median(images["t1ce"][labels == 2])


def test_other_scanner_is_noisier() -> None:
    def roughness(name: str) -> float:
        patient = simulate_patient(8, None, SCANNERS[name], ("flair",), COARSE)
        image = patient.images["flair"]
        inside = (image[1:] != 0) & (image[:-1] != 0)
        return float(np.median(np.abs(np.diff(image, axis=0))[inside]) / np.median(image[image != 0]))

    assert roughness("B") > 1.2 * roughness("A")


def test_unknown_contrast_is_named() -> None:
    with pytest.raises(ValueError, match="'dwi'; known: t1, t1ce, t2, flair"):
        simulate_patient(1, contrasts=("dwi",))


def test_tissue_shares_add_up_and_ventricles_are_fluid() -> None:
    rng = np.random.default_rng(3)
    spacing = (4.0, 4.0, 4.0)
    head = sample_anatomy(rng, place_head(rng, spacing), spacing)
    total = head.grey + head.white + head.csf
    np.testing.assert_allclose(total, 1, atol=1e-5)
    deep = head.mask & (head.ventricles > 0.95)
    assert head.csf[deep].mean() > 0.5 > head.csf[head.mask].mean()
