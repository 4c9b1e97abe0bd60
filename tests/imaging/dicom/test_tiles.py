from __future__ import annotations

from types import SimpleNamespace

import pydicom
import pytest
from dicom_parts import rewrite, write_series
from dicom_volume import AFFINE

from napari_osuda.errors import CaseError
from napari_osuda.imaging import read_volume
from napari_osuda.imaging.dicom.elements import HeaderElements, elements_of
from napari_osuda.imaging.dicom.tiles import tiled


def header(tags=None, **fields):
    """The elements of makers' own by tag, and what is typed of a header."""
    whole = SimpleNamespace(Rows=64, Columns=64)
    vars(whole).update(fields)
    return {tag: SimpleNamespace(value=value) for tag, value in (tags or {}).items()}, whole


def told(tags, whole):
    return tiled(tags, elements_of(HeaderElements, [whole]))


@pytest.mark.parametrize(
    "parts",
    [
        header(ImageType=["ORIGINAL", "MOSAIC"]),
        header(ImageType=["vframe"]),
        header({0x0019100A: (36).to_bytes(4, "little")}),
        header({0x0019100A: "36"}),
        header({0x00651050: [1, 2, 3]}),
        header(AcquisitionMatrix=[64, 0, 0, 64], PixelSpacing=[3, 3], Rows=384, Columns=384),
    ],
)
def test_a_sheet_of_slices_is_told_with_what_to_do(parts):
    assert "mosaic" in told(*parts)
    assert "dcm2niix" in told(*parts)


@pytest.mark.parametrize(
    "parts",
    [
        header(),
        header(ImageType=None),
        header({0x0019100A: 1}),
        header({0x0019100A: "many"}),
        header({0x0019100A: None}),
        header(AcquisitionMatrix=[128, 0, 0, 128], PixelSpacing=[0.5, 0.5], Rows=512, Columns=512),
        header(AcquisitionMatrix=[64, 0, 0, 64], PixelSpacing=[3, 3], Rows=200, Columns=200),
    ],
)
def test_a_slice_is_a_slice_also_where_it_was_interpolated(parts):
    assert told(*parts) == ""


@pytest.mark.parametrize(
    "mosaic",
    [
        {"ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]},
        {"AcquisitionMatrix": [0, 64, 64, 0], "Rows": 384, "Columns": 384, "PixelSpacing": [3.0, 3.0]},
    ],
    ids=["by name", "by size"],
)
def test_a_sheet_of_slices_is_no_slice(tmp_path, numbers, mosaic):
    write_series(tmp_path, numbers[:, :, :1], AFFINE)
    rewrite(next(tmp_path.iterdir()), **mosaic)
    with pytest.raises(CaseError, match="mosaic, a sheet of many slices"):
        read_volume(tmp_path)


def test_a_manufacturers_count_of_slices_in_a_sheet_is_seen(tmp_path, numbers):
    (path,) = write_series(tmp_path, numbers[:, :, :1], AFFINE)
    dataset = pydicom.dcmread(path)
    dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", 36)
    dataset.save_as(path)
    with pytest.raises(CaseError, match="mosaic"):
        read_volume(path)
