from __future__ import annotations

from types import SimpleNamespace

import pydicom
import pytest
from dicom_parts import rewrite, write_series
from dicom_volume import AFFINE

from napari_osuda.errors import CaseError
from napari_osuda.imaging import read_volume
from napari_osuda.imaging.dicom.tiles import tiled


class Header(SimpleNamespace):
    """A data set, as far as it is asked for tags and attributes."""

    def __init__(self, tags=None, **fields):
        super().__init__(**fields)
        self._tags = tags or {}

    def get(self, tag):
        return self._tags.get(tag)


def element(value):
    return SimpleNamespace(value=value)


@pytest.mark.parametrize(
    "header",
    [
        Header(ImageType=["ORIGINAL", "MOSAIC"]),
        Header(ImageType=["vframe"]),
        Header({0x0019100A: element((36).to_bytes(4, "little"))}),
        Header({0x0019100A: element("36")}),
        Header({0x00651050: element([1, 2, 3])}),
        Header(AcquisitionMatrix=[64, 0, 0, 64], PixelSpacing=[3, 3], Rows=384, Columns=384),
    ],
)
def test_a_sheet_of_slices_is_told_with_what_to_do(header):
    assert "mosaic" in tiled(header)
    assert "dcm2niix" in tiled(header)


@pytest.mark.parametrize(
    "header",
    [
        Header(),
        Header(ImageType=None),
        Header({0x0019100A: element(1)}),
        Header({0x0019100A: element("many")}),
        Header({0x0019100A: element(None)}),
        Header(AcquisitionMatrix=[128, 0, 0, 128], PixelSpacing=[0.5, 0.5], Rows=512, Columns=512),
        Header(AcquisitionMatrix=[64, 0, 0, 64], PixelSpacing=[3, 3], Rows=200, Columns=200),
    ],
)
def test_a_slice_is_a_slice_also_where_it_was_interpolated(header):
    assert tiled(header) == ""


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
