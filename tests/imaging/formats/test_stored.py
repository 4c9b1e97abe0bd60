"""Voxels behind a header: all of them and no more, however they are packed, and from nowhere else."""

import bz2
import gzip
import zlib

import numpy as np
import pytest

from napari_osuda.errors import CaseError
from napari_osuda.imaging.formats.stored import Stored, data_file, read_stored

VOXELS = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
RAW = VOXELS.tobytes(order="F")
PACKED = {
    "raw": RAW, "gzip": gzip.compress(RAW), "bzip2": bz2.compress(RAW), "zlib": zlib.compress(RAW),
    "text": " ".join(map(str, VOXELS.ravel(order="F"))).encode(),
}  # fmt: skip


def stored(path, encoding, content, **more):
    path.write_bytes(content)
    return Stored(path, (3, 4, 5), np.dtype("<i2"), encoding, **more)


@pytest.mark.parametrize("encoding", PACKED)
def test_voxels_are_read_however_they_are_packed(tmp_path, encoding):
    found = read_stored(stored(tmp_path / "x", encoding, b"head" + PACKED[encoding], offset=4))
    np.testing.assert_array_equal(found, VOXELS)
    assert found.dtype == np.int16


@pytest.mark.parametrize("encoding", PACKED)
def test_a_file_that_is_cut_short_is_refused(tmp_path, encoding):
    with pytest.raises(CaseError, match=r"ends early|damaged|holds 5"):
        read_stored(stored(tmp_path / "x", encoding, PACKED[encoding][: len(PACKED[encoding]) * 9 // 10]))


def test_more_voxels_than_the_header_says_are_refused_and_a_line_end_is_not(tmp_path):
    with pytest.raises(CaseError, match="holds more than"):
        read_stored(stored(tmp_path / "x", "raw", RAW * 2))
    np.testing.assert_array_equal(read_stored(stored(tmp_path / "x", "raw", RAW + b"\r\n")), VOXELS)


def test_a_small_file_cannot_ask_for_all_memory(tmp_path):
    (tmp_path / "x").write_bytes(gzip.compress(b"1"))
    with pytest.raises(CaseError, match="ends early"):
        read_stored(Stored(tmp_path / "x", (10**5, 10**5, 10**4), np.dtype("<f8"), "gzip"))


@pytest.mark.parametrize("name", ["../x.raw", "/etc/passwd", "..\\x.raw", "a/../../x.raw"])
def test_voxels_are_not_read_from_another_folder(tmp_path, name):
    with pytest.raises(CaseError, match="another folder"):
        data_file(tmp_path / "x.mhd", name)
