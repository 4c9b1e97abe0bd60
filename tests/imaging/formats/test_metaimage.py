"""MetaImage files as programs write them, held against SimpleITK; and what they must not be taken for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_osuda.errors import CaseError
from napari_osuda.imaging import digest_of, read_volume

sitk = pytest.importorskip("SimpleITK")

VOXELS = np.random.default_rng(0).integers(-90, 90, (4, 5, 6)).astype(np.int16)
RAW = VOXELS.tobytes(order="F")


def write(path, changes=None, content=RAW):
    fields = {
        "ObjectType": "Image", "NDims": "3", "BinaryData": "True", "BinaryDataByteOrderMSB": "False",
        "CompressedData": "False", "TransformMatrix": "0 0 1 1 0 0 0 1 0", "Offset": "10 20 30",
        "CenterOfRotation": "0 0 0", "AnatomicalOrientation": "IRA", "ElementSpacing": "1.25 1.5 3",
        "DimSize": "4 5 6", "ElementType": "MET_SHORT", "ElementDataFile": "LOCAL",
    } | (changes or {})  # fmt: skip
    end = fields.pop("ElementDataFile")
    text = "".join(f"{k} = {v}\n" for k, v in fields.items() if v is not None)
    path.write_bytes((text + f"ElementDataFile = {end}\n").encode() + content)
    return path


@pytest.mark.parametrize(
    "kind", ["Int8", "UInt8", "Int16", "UInt16", "Int32", "UInt32", "Float32", "Float64"]
)
@pytest.mark.parametrize("suffix", ["mha", "mhd"])
@pytest.mark.parametrize("compressed", [False, True])
def test_every_type_is_read_as_itk_reads_it(tmp_path, kind, suffix, compressed):
    image = sitk.Cast(sitk.GetImageFromArray(np.abs(VOXELS).transpose(2, 1, 0)), getattr(sitk, f"sitk{kind}"))
    sitk.WriteImage(image, str(tmp_path / f"x.{suffix}"), useCompression=compressed)
    np.testing.assert_array_equal(read_volume(tmp_path / f"x.{suffix}").data, np.abs(VOXELS))


def test_a_header_is_read_as_itk_reads_it(tmp_path):
    path = write(tmp_path / "x.mha")
    image, volume = sitk.ReadImage(str(path)), read_volume(path)
    matrix = np.diag([-1.0, -1.0, 1.0]) @ (np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing())
    np.testing.assert_allclose(volume.grid.affine[:3, :3], matrix)
    np.testing.assert_allclose(volume.grid.affine[:3, 3], [-10, -20, 30])
    np.testing.assert_array_equal(volume.data, sitk.GetArrayFromImage(image).transpose(2, 1, 0))
    assert volume.grid.placed


@pytest.mark.parametrize(
    "changes",
    [
        {"BinaryDataByteOrderMSB": None, "ElementByteOrderMSB": "True"}, {"BinaryDataByteOrderMSB": "True"},
    ],
)  # fmt: skip
def test_the_other_order_of_bytes(tmp_path, changes):
    content = VOXELS.astype(">i2").tobytes(order="F")
    np.testing.assert_array_equal(read_volume(write(tmp_path / "x.mha", changes, content)).data, VOXELS)


def test_numbers_that_are_written_out(tmp_path):
    text = " ".join(map(str, VOXELS.ravel(order="F"))).encode()
    path = write(tmp_path / "x.mha", {"BinaryData": "False"}, text)
    np.testing.assert_array_equal(read_volume(path).data, VOXELS)


@pytest.mark.parametrize(
    "changes",
    [
        {"TransformMatrix": None, "AnatomicalOrientation": None}, {"Offset": None},
        {"AnatomicalOrientation": "IRP"}, {"AnatomicalOrientation": "RAI"},
    ],
)  # fmt: skip
def test_a_place_that_is_not_said_or_contradicted_is_not_believed(tmp_path, changes):
    grid = read_volume(write(tmp_path / "x.mha", changes)).grid
    assert not grid.placed
    assert grid.spacing == (1.25, 1.5, 3.0)


def test_letters_that_say_nothing_contradict_nothing(tmp_path):
    assert read_volume(write(tmp_path / "x.mha", {"AnatomicalOrientation": "???"})).grid.placed


def test_bytes_before_the_voxels_of_another_file_are_passed_over(tmp_path):
    (tmp_path / "x.raw").write_bytes(b"0123456789" + RAW)
    for size in ("10", "-1"):
        path = write(tmp_path / "x.mhd", {"ElementDataFile": "x.raw", "HeaderSize": size}, b"")
        np.testing.assert_array_equal(read_volume(path).data, VOXELS)
    before = digest_of(path)
    (tmp_path / "x.raw").write_bytes(b"0123456789" + RAW[::-1])
    assert digest_of(path) != before


def test_a_fourth_axis_of_one_is_dropped(tmp_path):
    matrix = " ".join(str(int(v)) for v in np.eye(4).ravel())
    changes = {"NDims": "4", "DimSize": "4 5 6 1", "TransformMatrix": matrix, "Offset": "0 0 0 0",
               "ElementSpacing": "1 1 2 1", "AnatomicalOrientation": None}  # fmt: skip
    volume = read_volume(write(tmp_path / "x.mha", changes))
    np.testing.assert_array_equal(volume.data, VOXELS)
    assert volume.grid.spacing == (1, 1, 2)


@pytest.mark.parametrize(
    ("changes", "content", "sentence"),
    [
        ({}, RAW[:-1], "ends early"),
        ({}, RAW * 2, "holds more than the 4 x 5 x 6 voxels"),
        ({"ElementNumberOfChannels": "3"}, RAW * 3, "'3' values a voxel"),
        ({"ElementType": "MET_SHORT_ARRAY"}, RAW, "'MET_SHORT_ARRAY' a voxel"),
        ({"NDims": "4", "DimSize": "4 5 3 2", "ElementSpacing": "1 1 1 1"}, RAW, "volume of three axes"),
        ({"NDims": "2", "DimSize": "20 6", "ElementSpacing": "1 1"}, RAW, "volume of three axes"),
        ({"DimSize": "4 5"}, RAW, "2 sizes for 3 axes"),
        ({"DimSize": None}, RAW, "no header of a MetaImage"),
        ({"ElementSpacing": None}, RAW, "does not say how large its voxels are"),
        ({"ElementSpacing": "1 0 1"}, RAW, "without length"),
        ({"ElementSpacing": "1 nan 1"}, RAW, "no usable elementspacing"),
        ({"TransformMatrix": "1 0 0 0 1 0 0 0"}, RAW, "no usable transformmatrix"),
        ({"ElementToIntensityFunctionSlope": "2"}, RAW, "rescaling"),
        ({"ElementDataFile": "LIST"}, RAW, "several files"),
        ({"ElementDataFile": "/etc/passwd"}, b"", "another folder"),
        ({"ElementDataFile": "gone.raw"}, b"", "which is not there"),
        ({"CompressedData": "True"}, RAW, "damaged"),
        ({"CompressedData": "True", "DimSize": "4000 5000 6000"}, RAW, "ends early"),
    ],
)
def test_what_is_damaged_or_leads_elsewhere_gets_a_sentence(tmp_path, changes, content, sentence):
    with pytest.raises(CaseError, match=sentence) as raised:
        read_volume(write(tmp_path / "x.mha", changes, content))
    assert "x.mha" in str(raised.value)


@given(st.data())
@settings(max_examples=150)
def test_whatever_is_damaged_there_is_a_sentence_or_a_volume(tmp_path_factory, data):
    path = write(tmp_path_factory.mktemp("damaged") / "x.mha")
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + 1] = data.draw(st.binary(max_size=3))
    path.write_bytes(content)
    try:
        volume = read_volume(path)
    except CaseError:
        return
    assert volume.data.shape == volume.grid.shape
