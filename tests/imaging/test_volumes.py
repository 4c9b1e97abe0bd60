from itertools import permutations, product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.errors import CaseError, OutputError
from napari_osuda.imaging import Grid, read_labels, read_volume, write_labels, write_shares
from napari_osuda.imaging.volumes import without_suffix

AXIS_ORDERS = ["".join(axes) for order in permutations(("RL", "AP", "SI")) for axes in product(*order)]
NIBABEL = Path(nib.__file__).parent / "tests" / "data"


def image_of(data, affine=None, kind=nib.Nifti1Image, dtype=None):
    return kind(data, np.diag([2.0, 2.0, 3.0, 1.0]) if affine is None else affine, dtype=dtype or data.dtype)


@pytest.fixture
def numbers():
    return np.random.default_rng(0).integers(-90, 90, (4, 5, 6)).astype(np.int16)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".hdr", ".img"])
@pytest.mark.parametrize("dtype", ["int8", "uint8", ">i2", "<i4", ">f4", "f8"])
def test_nifti_of_any_type_and_byte_order_is_read(tmp_path, numbers, suffix, dtype):
    kind = nib.Nifti1Pair if suffix in (".hdr", ".img") else nib.Nifti1Image
    data = np.abs(numbers).astype(dtype)
    path = tmp_path / f"x{suffix}"
    header = kind.header_class(endianness=data.dtype.byteorder if data.dtype.byteorder in "<>" else "<")
    header.set_data_dtype(data.dtype)
    nib.save(kind(data, np.eye(4), header), path)
    volume = read_volume(path)
    assert volume.data.dtype == np.float32
    np.testing.assert_array_equal(volume.data, np.abs(numbers))
    np.testing.assert_array_equal(volume.grid.affine, np.eye(4))


def test_slope_and_intercept_are_applied(tmp_path, numbers):
    image = image_of(numbers)
    image.header.set_slope_inter(0.5, 10)
    nib.save(image, tmp_path / "x.nii")
    assert nib.load(tmp_path / "x.nii").dataobj.slope == 0.5
    np.testing.assert_allclose(read_volume(tmp_path / "x.nii").data, numbers * 0.5 + 10)


def test_mgz_is_read(tmp_path, numbers):
    affine = np.array([[-1, 0, 0, 8], [0, 0, 1, 7], [0, -1, 0, 6], [0, 0, 0, 1.0]])
    nib.save(nib.MGHImage(numbers, affine), tmp_path / "x.mgz")
    volume = read_volume(tmp_path / "x.mgz")
    np.testing.assert_array_equal(volume.data, numbers)
    np.testing.assert_allclose(volume.grid.affine, affine, atol=1e-5)
    assert volume.grid.orientation == "LIA"


@pytest.mark.parametrize("intent", ["vector", "displacement vector", "rgb vector"])
def test_vectors_are_no_channels(tmp_path, numbers, intent):
    image = image_of(np.stack([numbers] * 3, -1)[:, :, :, None])
    image.header.set_intent(intent)
    nib.save(image, tmp_path / "a.nii")
    with pytest.raises(CaseError, match="3 values a voxel"):
        read_volume(tmp_path / "a.nii")


@pytest.mark.parametrize(
    ("dtype", "offset", "read"), [("f8", 1e9, False), ("i4", 2e9, False), ("i4", 2e4, True)]
)
def test_contrast_that_float32_would_round_away_is_refused(tmp_path, numbers, dtype, offset, read):
    nib.save(image_of((numbers + offset).astype(dtype)), tmp_path / "a.nii")
    if read:
        assert np.ptp(read_volume(tmp_path / "a.nii").data) == np.ptp(numbers)
        return
    with pytest.raises(CaseError, match="too far from 0"):
        read_volume(tmp_path / "a.nii")


def test_axes_of_length_one_beyond_the_third_are_dropped(tmp_path, numbers):
    nib.save(image_of(numbers[..., None]), tmp_path / "a.nii")
    assert read_volume(tmp_path / "a.nii").data.shape == (4, 5, 6)
    nib.save(image_of(np.stack([numbers, numbers + 1], -1)[..., None, :]), tmp_path / "b.nii")
    volume = read_volume(tmp_path / "b.nii")
    assert volume.grid.shape == (4, 5, 6)
    np.testing.assert_array_equal(volume.data[..., 1], numbers + 1)


@pytest.mark.parametrize(
    ("codes", "chosen"), [((1, 2), "sform"), ((0, 2), "sform"), ((1, 0), "qform"), ((0, 0), "base")]
)
def test_the_affine_is_the_sform_if_coded_else_the_qform(tmp_path, numbers, codes, chosen):
    header = nib.Nifti1Header()
    qform, sform = np.diag([2.0, 2.0, 3.0, 1.0]), np.diag([-2.0, 2.0, 3.0, 1.0])
    header.set_data_shape(numbers.shape)
    header.set_qform(qform, code=codes[0])
    header.set_sform(sform, code=codes[1])
    nib.save(nib.Nifti1Image(numbers, None, header), tmp_path / "x.nii.gz")
    grid = read_volume(tmp_path / "x.nii.gz").grid
    expected = {"sform": sform, "qform": qform, "base": header.get_base_affine()}[chosen]
    np.testing.assert_allclose(grid.affine, expected)
    write_labels(tmp_path / "y.nii.gz", np.ones(numbers.shape, np.uint8), grid)
    written = nib.load(tmp_path / "y.nii.gz")
    np.testing.assert_array_equal(written.affine, nib.load(tmp_path / "x.nii.gz").affine)
    for part in ("qform_code", "sform_code", "pixdim", "srow_x", "quatern_b", "qoffset_x"):
        np.testing.assert_array_equal(written.header[part], nib.load(tmp_path / "x.nii.gz").header[part])


@given(
    axes=st.sampled_from(AXIS_ORDERS),
    oblique=st.sampled_from([0.0, 9.3, 35.5]),
    dtype=st.sampled_from([np.uint8, np.int16, np.int64, np.bool_]),
    seed=st.integers(0, 2**31),
)
def test_labels_come_back_as_they_were_written(make_grid, tmp_path_factory, axes, oblique, dtype, seed):
    grid = make_grid(axes, (2, 3, 4), (0.5, 1.5, 6.5), oblique=oblique)
    labels = np.random.default_rng(seed).integers(0, 4, grid.shape).astype(dtype)
    path = tmp_path_factory.mktemp("labels") / "x.nii.gz"
    write_labels(path, labels, grid)
    returned, again = read_labels(path)
    assert returned.dtype == np.uint8
    np.testing.assert_array_equal(returned, labels)
    np.testing.assert_allclose(again.affine, grid.affine, atol=1e-5)
    header = nib.load(path).header
    assert header["sform_code"] == header["qform_code"] == 1
    assert header.get_xyzt_units()[0] == "mm"
    assert header.get_slope_inter() == (None, None)


@pytest.mark.parametrize(
    ("top", "dtype"), [(255, "uint8"), (256, "int16"), (14175, "int16"), (70000, "int32")]
)
def test_labels_are_stored_in_the_smallest_type(tmp_path, make_grid, top, dtype):
    labels = np.full((5, 6, 7), top, np.int64)
    write_labels(tmp_path / "x.nii", labels, make_grid())
    assert nib.load(tmp_path / "x.nii").get_data_dtype() == dtype
    np.testing.assert_array_equal(read_labels(tmp_path / "x.nii")[0], labels)


def test_labels_keep_units_and_drop_what_was_the_images(tmp_path, numbers):
    image = image_of(np.stack([numbers] * 3, -1))
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = b"gradient echo"
    image.header["cal_max"] = 900
    image.header["pixdim"][4] = 2.5
    nib.save(image, tmp_path / "x.nii.gz")
    write_labels(
        tmp_path / "y.nii.gz", np.zeros((4, 5, 6), np.uint8), read_volume(tmp_path / "x.nii.gz").grid
    )
    header = nib.load(tmp_path / "y.nii.gz").header
    assert header.get_xyzt_units() == ("mm", "sec")
    assert header["cal_max"] == 0
    assert header["descrip"] == b""
    assert header.get_zooms() == (2, 2, 3)
    assert header.get_intent()[0] == "label"


def test_a_sheared_affine_is_kept_and_not_given_a_false_qform(tmp_path):
    affine = np.array([[1, 0.2, 0, 5], [0, 1, 0, 6], [0, 0, 2, 7], [0, 0, 0, 1.0]])
    write_labels(tmp_path / "x.nii", np.ones((2, 3, 4), np.uint8), Grid((2, 3, 4), affine))
    written = nib.load(tmp_path / "x.nii")
    np.testing.assert_allclose(written.affine, affine, rtol=1e-6)
    assert int(written.header["qform_code"]) == 0


def test_a_header_that_is_not_the_grids_is_not_written(tmp_path, numbers):
    moved = np.diag([2.0, 2.0, 3.0, 1.0])
    moved[0, 3] = 40
    grid = Grid(numbers.shape, moved, image_of(numbers).header)
    write_labels(tmp_path / "x.nii", np.ones(numbers.shape, np.uint8), grid)
    np.testing.assert_array_equal(nib.load(tmp_path / "x.nii").affine, moved)


def test_float_labels_are_read_if_whole(tmp_path):
    data = np.array([[[0, 1, 4]]], np.float32)
    nib.save(image_of(data), tmp_path / "x.nii")
    labels, _ = read_labels(tmp_path / "x.nii")
    assert labels.dtype == np.uint8
    assert labels.tolist() == [[[0, 1, 4]]]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (np.array([[[0, 0.5]]], np.float32), "not whole numbers"),
        (np.array([[[0, np.nan]]], np.float32), "not whole numbers"),
        (np.array([[[0, 1e30]]], np.float32), "not labels"),
        (np.zeros((2, 2, 2, 3), np.uint8), "has 3 volumes"),
    ],
)
def test_what_is_no_label_volume_is_refused(tmp_path, data, sentence):
    nib.save(image_of(data), tmp_path / "x.nii")
    with pytest.raises(CaseError, match=f"x.nii .*{sentence}"):
        read_labels(tmp_path / "x.nii")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (np.zeros((4, 5), np.int16), r"shape \(4, 5\)"),
        (np.zeros((2, 2, 2, 2, 3), np.int16), r"shape \(2, 2, 2, 2, 3\)"),
        (np.zeros((2, 2, 2), np.complex64), "complex64"),
        (np.zeros((2, 2, 2), [("R", "u1"), ("G", "u1"), ("B", "u1")]), "one real number"),
    ],
)
def test_what_is_no_volume_of_numbers_is_refused(tmp_path, data, sentence):
    nib.save(image_of(data), tmp_path / "x.nii")
    with pytest.raises(CaseError, match=rf"x\.nii .*{sentence}"):
        read_volume(tmp_path / "x.nii")


def test_files_that_are_not_there_or_no_mri_are_named(tmp_path):
    with pytest.raises(CaseError, match=r"nothing\.nii\.gz does not exist"):
        read_volume(tmp_path / "nothing.nii.gz")
    with pytest.raises(CaseError, match="is a folder"):
        read_volume(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(CaseError, match=r"notes\.txt is not an MRI file .*\.nii\.gz"):
        read_volume(tmp_path / "notes.txt")
    for name in ("text.nii", "text.nii.gz", "text.mgz", "text.hdr"):
        (tmp_path / name).write_text("this is no image" * 40)
        with pytest.raises(CaseError, match=f"{name} cannot be read; it is damaged"):
            read_volume(tmp_path / name)


def test_an_affine_without_a_place_in_the_scanner_names_the_file(tmp_path, numbers):
    image = image_of(numbers)
    image.header["srow_x"] = 0
    image.header["sform_code"] = 1
    nib.save(nib.Nifti1Image(numbers, None, image.header), tmp_path / "x.nii")
    with pytest.raises(CaseError, match=r"x\.nii: The affine"):
        read_volume(tmp_path / "x.nii")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".mgz"])
@pytest.mark.parametrize("part", [0.0, 0.05, 0.5, 0.95, 0.999])
def test_a_file_that_is_cut_short_is_refused(tmp_path, suffix, part):
    path = tmp_path / f"x{suffix}"
    data = np.random.default_rng(0).normal(size=(9, 9, 9)).astype(np.float32)
    nib.save(nib.MGHImage(data, np.eye(4)) if suffix == ".mgz" else image_of(data), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(CaseError, match=rf"x\{suffix} (ends early|cannot be read; it is damaged, cut short)"):
        read_volume(path)


@given(st.integers(0, 347), st.binary(min_size=1, max_size=8))
def test_a_header_of_any_bytes_is_read_or_refused_in_a_sentence(tmp_path_factory, offset, noise):
    path = tmp_path_factory.mktemp("damaged") / "x.nii"
    nib.save(image_of(np.ones((3, 3, 3), np.int16)), path)
    content = bytearray(path.read_bytes())
    content[offset : offset + len(noise)] = noise
    path.write_bytes(content)
    sentence = ""
    try:
        volume = read_volume(path)
    except CaseError as error:
        sentence = str(error)
    if sentence:
        assert str(path) in sentence
        return
    assert volume.data.shape[:3] == volume.grid.shape
    write_labels(path.with_name("labels.nii"), np.ones(volume.grid.shape, np.uint8), volume.grid)
    np.testing.assert_allclose(
        read_labels(path.with_name("labels.nii"))[1].affine, volume.grid.affine, rtol=1e-5
    )


@pytest.mark.parametrize("name", ["x.nii.gz", "x.mgz"])
def test_a_flipped_bit_is_found_by_the_checksum(tmp_path, name):
    data = np.random.default_rng(0).integers(0, 255, (20, 20, 20)).astype(np.uint8)
    nib.save(nib.MGHImage(data, np.eye(4)) if "mgz" in name else image_of(data), tmp_path / name)
    content = bytearray((tmp_path / name).read_bytes())
    content[-1000] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CaseError, match="damaged"):
        read_volume(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "labels", "sentence"),
    [
        ("x.png", np.ones((5, 6, 7), np.uint8), "must end in"),
        ("x.nii", np.ones((5, 6, 8), np.uint8), r"\(5, 6, 8\).*\(5, 6, 7\)"),
        ("x.nii", np.ones((5, 6, 7), np.float32), "whole numbers"),
        ("x.nii", np.full((5, 6, 7), 2**40), "whole numbers"),
        ("file/x.nii", np.ones((5, 6, 7), np.uint8), "cannot be written"),
    ],
)
def test_labels_that_cannot_be_written_leave_nothing_behind(tmp_path, make_grid, name, labels, sentence):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=sentence):
        write_labels(tmp_path / name, labels, make_grid())
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_the_same_labels_give_the_same_file_byte_for_byte(tmp_path, make_grid):
    labels = np.ones((5, 6, 7), np.uint8)
    write_labels(tmp_path / "a.nii.gz", labels, make_grid())
    write_labels(tmp_path / "b.nii.gz", labels, make_grid())
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "anatomical.nii",
        "example4d.nii.gz",
        "example_nifti2.nii.gz",
        "functional.nii",
        "standard.nii.gz",
        "test.mgz",
    ],
)
def test_files_of_other_programs_come_back_as_labels_on_the_same_grid(tmp_path, name):
    path = NIBABEL / name
    image = nib.load(path)
    volume = read_volume(path)
    expected = np.asarray(image.dataobj, np.float32).reshape(volume.data.shape)
    # A scaled file is rounded to float32 before or after its slope, by the version of nibabel.
    np.testing.assert_allclose(volume.data, expected, rtol=1e-6)
    np.testing.assert_array_equal(volume.grid.affine, image.affine)
    labels = np.random.default_rng(0).integers(0, 5, volume.grid.shape).astype(np.uint8)
    write_labels(tmp_path / "x.nii.gz", labels, volume.grid)
    written = nib.load(tmp_path / "x.nii.gz")
    np.testing.assert_allclose(written.affine, image.affine, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(written.dataobj), labels)
    if isinstance(image.header, nib.Nifti1Header):
        np.testing.assert_array_equal(written.affine, image.affine)
        for part in ("qform_code", "sform_code", "xyzt_units"):
            assert written.header[part] == image.header[part]


@pytest.mark.parametrize(
    ("name", "stem"),
    [("b.c.nii.gz", "b.c"), ("x.NII", "x"), ("x.mgz", "x"), ("plain", "plain"), ("T1.v2", "T1.v2")],
)
def test_stems(name, stem):
    assert without_suffix(name) == stem


def test_a_map_of_shares_comes_back_on_the_same_grid(tmp_path):
    shares = np.random.default_rng(0).random((4, 5, 6)).astype(np.float16)
    shares[0, 0, 0] = 1
    grid = Grid(shares.shape, np.diag([-2.0, 2.0, 3.0, 1.0]))
    write_shares(tmp_path / "x.nii.gz", shares, grid)
    again = read_volume(tmp_path / "x.nii.gz")
    np.testing.assert_allclose(again.data, shares, atol=0.5 / 255 + 1e-6)
    assert again.data[0, 0, 0] == pytest.approx(1)
    np.testing.assert_array_equal(again.grid.affine, grid.affine)
    with pytest.raises(OutputError, match="is not written"):
        write_shares(tmp_path / "y.nii.gz", shares[1:], grid)
