"""Brain masks: from files and layers, of any grid; and what is refused."""

import nibabel as nib
import numpy as np
import pytest

from napari_osuda.errors import CaseError
from napari_osuda.imaging import Grid, Preparation, case_from_arrays, read_case, write_labels
from napari_osuda.imaging.preparation import brain as brain_module
from napari_osuda.imaging.preparation.brain import masked, on_grid

AFFINE = np.diag([-2.0, 2.0, 3.0, 1.0])
SHAPE = (40, 44, 20)


@pytest.fixture
def head(tmp_path):
    """A head with a brain of 500 in it, and the brain's mask, whose voxels are half as large."""
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    away = x**2 + y**2 + z**2
    around = np.random.default_rng(0).uniform(50, 900, SHAPE)
    image = np.where(away < 0.36, 500, np.where(away < 0.8, around, 0)).astype(np.float32)
    nib.save(nib.Nifti1Image(image, AFFINE), tmp_path / "t1.nii.gz")
    write_labels(tmp_path / "mask.nii.gz", away < 0.36, Grid(SHAPE, AFFINE))
    fine = AFFINE @ np.diag([0.5, 0.5, 0.5, 1.0])
    fine[:3, 3] = AFFINE[:3, :3] @ np.full(3, -0.25)
    doubled = (away < 0.36).repeat(2, 0).repeat(2, 1).repeat(2, 2)
    write_labels(tmp_path / "fine.nii.gz", doubled, Grid(tuple(2 * n for n in SHAPE), fine))
    return tmp_path


@pytest.mark.parametrize("mask", ["mask.nii.gz", "fine.nii.gz"])
def test_outside_a_brain_mask_the_network_sees_nothing(head, mask):
    case = read_case(head / "t1.nii.gz", ("t1",), preparation=Preparation(brain_mask=head / mask))
    assert set(np.unique(case.data)) == {0, 500}
    whole = read_case(head / "t1.nii.gz", ("t1",))
    kept = np.count_nonzero(whole.data == 500) / np.count_nonzero(whole.data)
    assert case.brain_share == pytest.approx(kept)
    assert case.preparation.brain_mask_sha256
    assert np.count_nonzero(case.head.mask) == np.count_nonzero(whole.data == 500)
    assert whole.brain_share is None


def test_a_mask_in_another_order_of_axes_is_turned(head):
    turned = nib.load(head / "mask.nii.gz").as_reoriented([[2, -1], [0, 1], [1, -1]])
    nib.save(turned, head / "turned.nii.gz")
    cases = [
        read_case(head / "t1.nii.gz", ("t1",), preparation=Preparation(brain_mask=head / f"{name}.nii.gz"))
        for name in ("mask", "turned")
    ]
    np.testing.assert_array_equal(cases[0].data, cases[1].data)


def test_a_mask_of_next_to_nothing_or_of_another_place_is_refused(head):
    case = read_case(head / "t1.nii.gz", ("t1",))
    with pytest.raises(CaseError, match=r"holds 0\.0% of the head"):
        masked(case.data, case.head.mask, np.zeros(SHAPE, bool), "p")
    elsewhere = Grid(SHAPE, AFFINE @ nib.affines.from_matvec(np.eye(3), (500, 0, 0)))
    moved = on_grid(np.ones(SHAPE, bool), elsewhere, "mask", case.grid, "p")
    assert not moved.any()
    with pytest.raises(CaseError, match="does not say how it lies"):
        on_grid(np.ones((3, 3, 3), bool), Grid((3, 3, 3), AFFINE, placed=False), "mask", case.grid, "p")


def test_a_mask_that_is_no_label_volume_is_refused(head):
    nib.save(nib.Nifti1Image(np.full(SHAPE, 0.5, np.float32), AFFINE), head / "soft.nii.gz")
    with pytest.raises(CaseError, match="not whole numbers"):
        read_case(head / "t1.nii.gz", ("t1",), preparation=Preparation(brain_mask=head / "soft.nii.gz"))


def test_without_deepbet_the_sentence_says_what_to_install(head, monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(brain_module, "import_module", missing)
    with pytest.raises(CaseError, match=r"pip install 'napari-osuda\[brain\]'. Or give a brain mask"):
        read_case(head / "t1.nii.gz", ("t1",), preparation=Preparation(extract_brain=True))


def test_the_brain_is_extracted_from_the_t1(head, monkeypatch):
    seen = []

    class Extraction:
        def __init__(self, no_gpu):
            assert no_gpu

        def run(self, image):
            seen.append(image)
            found = np.asarray(image.dataobj) == 500
            return image, nib.Nifti1Image(found.astype(np.uint8), image.affine), 0.0

    class Library:
        BrainExtraction = Extraction

    monkeypatch.setattr(brain_module, "import_module", lambda name: Library)
    nib.save(nib.load(head / "t1.nii.gz"), head / "t2.nii.gz")
    both = {"t2": head / "t2.nii.gz", "t1": head / "t1.nii.gz"}
    case = read_case(both, ("t2", "t1"), preparation=Preparation(extract_brain=True))
    assert set(np.unique(case.data)) == {0, 500}
    np.testing.assert_allclose(seen[0].affine, AFFINE)
    assert case.preparation.extract_brain


def test_arrays_of_a_viewer_are_a_case_without_preparation():
    case = case_from_arrays("p", {"t1": np.ones(SHAPE)}, Grid(SHAPE, AFFINE, placed=False))
    assert not case.placed
    assert case.preparation == Preparation()
