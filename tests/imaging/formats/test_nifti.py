"""Headers that nibabel takes at their word: units, offsets, codes, affines that place nothing."""

import gzip
import struct

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_osuda.errors import CaseError
from napari_osuda.imaging import Grid, read_labels, read_volume, write_labels
from napari_osuda.imaging.formats.nifti import forms_disagree

VOXELS = np.arange(1, 121, dtype=np.int16).reshape(6, 5, 4, order="F")
AFFINE = np.array([[-1.25, 0, 0, 80], [0, 1.25, 0, -90], [0, 0, 3.0, -40], [0, 0, 0, 1]])
KINDS = [nib.Nifti1Image, nib.Nifti2Image]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("unit", "factor"), [("mm", 1.0), ("meter", 1e-3), ("micron", 1e3), ("unknown", 1.0)]
)
def test_any_unit_of_space_is_read_in_millimeters_and_kept_in_the_mask(tmp_path, kind, unit, factor):
    image = kind(VOXELS, np.diag([factor] * 3 + [1.0]) @ AFFINE)
    image.set_qform(image.affine, code=1)
    image.header.set_xyzt_units(unit)
    nib.save(image, tmp_path / "t2.nii.gz")
    grid = read_volume(tmp_path / "t2.nii.gz").grid
    np.testing.assert_allclose(grid.affine, AFFINE, rtol=1e-6)
    write_labels(tmp_path / "mask.nii.gz", np.ones(grid.shape, np.uint8), grid)
    written = nib.load(tmp_path / "mask.nii.gz")
    assert written.header["xyzt_units"] == image.header["xyzt_units"]
    np.testing.assert_array_equal(written.affine, nib.load(tmp_path / "t2.nii.gz").affine)
    np.testing.assert_allclose(read_labels(tmp_path / "mask.nii.gz")[1].affine, AFFINE, rtol=1e-6)


@pytest.mark.parametrize("unit", ["meter", "micron"])
def test_a_unit_that_makes_voxels_of_no_mri_is_refused(tmp_path, unit):
    image = nib.Nifti1Image(VOXELS, AFFINE)
    image.header.set_xyzt_units(unit)
    nib.save(image, tmp_path / "t2.nii.gz")
    with pytest.raises(CaseError, match="which no MRI has: correct the units"):
        read_volume(tmp_path / "t2.nii.gz")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("offset", [0, 16, -1, 348])
def test_voxels_cannot_begin_within_the_header(tmp_path, kind, suffix, order, offset):
    header = kind.header_class(endianness=order)
    image = kind(VOXELS, AFFINE, header)
    path = tmp_path / f"t2{suffix}"
    nib.save(image, path)
    whole = path.read_bytes()
    content = bytearray(gzip.decompress(whole) if suffix == ".nii.gz" else whole)
    second = kind is nib.Nifti2Image
    struct.pack_into(order + ("q" if second else "f"), content, 168 if second else 108, offset)
    path.write_bytes(gzip.compress(bytes(content)) if suffix == ".nii.gz" else bytes(content))
    np.testing.assert_array_equal(read_volume(path).data, VOXELS)


def test_extensions_before_the_voxels_are_passed_over(tmp_path):
    image = nib.Nifti1Image(VOXELS, AFFINE)
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"of a scanner" * 9))
    nib.save(image, tmp_path / "t2.nii")
    np.testing.assert_array_equal(read_volume(tmp_path / "t2.nii").data, VOXELS)


def test_an_image_that_does_not_say_where_it_lies_is_known_for_one(tmp_path):
    image = nib.Nifti1Image(VOXELS, AFFINE)
    nib.save(image, tmp_path / "placed.nii.gz")
    image.set_sform(None, code=0)
    image.set_qform(None, code=0)
    nib.save(image, tmp_path / "not.nii.gz")
    nib.save(nib.AnalyzeImage(VOXELS, None), tmp_path / "old.img")
    placed = {p.name: read_volume(p).grid.placed for p in tmp_path.iterdir() if p.suffix != ".hdr"}
    assert placed == {"placed.nii.gz": True, "not.nii.gz": False, "old.img": False}


@given(st.lists(st.floats(-(2.0**99), 2.0**99, width=32), min_size=12, max_size=12))
@settings(deadline=None)
def test_any_affine_is_refused_or_has_an_order_of_axes(numbers):
    affine = np.eye(4)
    affine[:3] = np.reshape(numbers, (3, 4))
    try:
        grid = Grid((2, 3, 4), affine)
    except CaseError:
        return
    assert len(grid.orientation) == 3
    assert grid.voxel_ml > 0


@pytest.mark.parametrize(
    ("stored", "slope", "expected"),
    [([0, 10, 20], 0.1, [0, 1, 2]), ([0, 255], 1 / 255, [0, 1]), ([0, 3, 1], 1.0, [0, 1, 3])],
)
def test_labels_that_were_stored_with_a_slope_are_whole_numbers_again(tmp_path, stored, slope, expected):
    labels = np.resize(np.array(stored, np.int16), (4, 4, 4))
    nib.save(nib.Nifti1Image(labels, np.eye(4)), tmp_path / "x.nii")
    content = bytearray((tmp_path / "x.nii").read_bytes())
    struct.pack_into("<ff", content, 112, slope, 0.0)
    (tmp_path / "x.nii").write_bytes(bytes(content))
    assert np.unique(read_labels(tmp_path / "x.nii")[0]).tolist() == expected


@given(st.floats(0.002, 0.998))
@settings(deadline=None, max_examples=20)
def test_what_is_clearly_between_two_labels_is_none(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("labels") / "x.nii"
    nib.save(nib.Nifti1Image(np.full((3, 3, 3), value, np.float32), np.eye(4)), path)
    with pytest.raises(CaseError, match="not whole numbers"):
        read_labels(path)


@pytest.mark.parametrize("flag", [0, 1])
def test_an_mgh_file_without_orientation_is_known_for_one(tmp_path, flag):
    nib.save(nib.MGHImage(VOXELS, AFFINE), tmp_path / "t1.mgz")
    content = bytearray(gzip.decompress((tmp_path / "t1.mgz").read_bytes()))
    struct.pack_into(">h", content, 28, flag)
    (tmp_path / "t1.mgz").write_bytes(gzip.compress(bytes(content)))
    (tmp_path / "t1.mgh").write_bytes(bytes(content))
    assert [read_volume(tmp_path / f"t1.{s}").grid.placed for s in ("mgz", "mgh")] == [bool(flag)] * 2


def write_header(path, fields, *, sform=0, qform=1, kind=nib.Nifti1Image):
    """A NIfTI-1 file with bytes of its header changed: (offset, struct's letter, value)."""
    image = kind(VOXELS, AFFINE)
    image.set_sform(AFFINE, code=sform)
    image.set_qform(AFFINE, code=qform)
    nib.save(image, path)
    head = path.with_suffix(".hdr") if kind is nib.Nifti1Pair else path
    content = bytearray(head.read_bytes())
    for offset, letter, value in fields:
        struct.pack_into("<" + letter, content, offset, value)
    head.write_bytes(bytes(content))
    return path


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("qform", [0, 1])
@pytest.mark.parametrize(("kind", "suffix"), [(nib.Nifti1Image, "nii"), (nib.Nifti1Pair, "img")])
def test_voxels_without_a_size_are_refused(tmp_path, value, axis, qform, kind, suffix):
    path = tmp_path / f"t2.{suffix}"
    write_header(path, [(80 + 4 * axis, "f", value)], qform=qform, kind=kind)
    with pytest.raises(CaseError, match=r"which is not possible: correct pixdim|not finite|invalid value"):
        read_volume(path)
    # With an sform the header's sizes are not asked.
    write_header(path, [(80 + 4 * axis, "f", 0.0)], sform=1, kind=kind)
    np.testing.assert_allclose(read_volume(path).grid.spacing, (1.25, 1.25, 3.0))


@pytest.mark.parametrize("slope", [0.0, float("nan"), float("inf")])
def test_a_slope_that_is_none_leaves_values_as_they_are_stored(tmp_path, slope):
    path = write_header(tmp_path / "t2.nii", [(112, "f", slope), (116, "f", 9.0)])
    np.testing.assert_array_equal(read_volume(path).data, VOXELS)


def test_a_slope_beyond_int16_does_not_wrap_around(tmp_path):
    path = write_header(tmp_path / "t2.nii", [(112, "f", 1000.0)])
    np.testing.assert_array_equal(read_volume(path).data, VOXELS * 1000.0)


def test_negative_voxel_sizes_are_lengths(tmp_path):
    path = write_header(tmp_path / "t2.nii", [(80, "f", -1.25)])
    assert read_volume(path).grid.orientation == "LAS"
    np.testing.assert_allclose(read_volume(path).grid.affine, AFFINE, atol=1e-5)


@pytest.mark.parametrize("length", [0, 2])
def test_a_time_axis_of_another_length_than_one_is_no_volume(tmp_path, length):
    path = write_header(tmp_path / "t2.nii", [(40, "h", 4), (48, "h", length)])
    with pytest.raises(CaseError, match="volume of three axes is needed" if length == 0 else "ends early"):
        read_volume(path)


@pytest.mark.parametrize(
    ("change", "disagree"),
    [
        (np.eye(4), False),
        (np.diag([-1.0, 1, 1, 1]), True),
        (np.diag([1.2, 1.2, 1.2, 1]), True),
        (np.array([[0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), True),
        (nib.affines.from_matvec(nib.eulerangles.euler2mat(0.2), (5, -3, 2)), False),
    ],
)
def test_sform_and_qform_that_disagree_are_known(tmp_path, change, disagree):
    image = nib.Nifti1Image(VOXELS, AFFINE)
    image.set_qform(AFFINE, code=1)
    image.set_sform(change @ AFFINE, code=2)
    nib.save(image, tmp_path / "t2.nii.gz")
    grid = read_volume(tmp_path / "t2.nii.gz").grid
    np.testing.assert_allclose(grid.affine, change @ AFFINE, atol=1e-4)
    assert forms_disagree(grid) is disagree
    write_labels(tmp_path / "mask.nii.gz", np.ones(grid.shape, np.uint8), grid)
    assert forms_disagree(read_labels(tmp_path / "mask.nii.gz")[1]) is disagree


@pytest.mark.parametrize(("code", "disagree"), [(1, True), (2, False)])
def test_two_places_in_one_space_disagree(tmp_path, code, disagree):
    image = nib.Nifti1Image(VOXELS, AFFINE)
    image.set_qform(AFFINE, code=1)
    turn = nib.affines.from_matvec(nib.eulerangles.euler2mat(0.4), (25, 0, 0))
    image.set_sform(turn @ AFFINE, code=code)
    nib.save(image, tmp_path / "t2.nii.gz")
    assert forms_disagree(read_volume(tmp_path / "t2.nii.gz").grid) is disagree


@pytest.mark.parametrize(
    ("steps", "disagree"), [((0.5, 0.5, 3.0), True), ((0.0, 0.0, 0.0), True), (None, False)]
)
def test_voxel_sizes_beside_an_sform_alone_must_be_its_own(tmp_path, steps, disagree):
    changes = [(252, "h", 0), (254, "h", 1)]
    changes += [] if steps is None else [(80 + 4 * i, "f", step) for i, step in enumerate(steps)]
    assert forms_disagree(read_volume(write_header(tmp_path / "t2.nii", changes)).grid) is disagree
