"""Voxels behind a header: all of them and no more, however they are packed, and from nowhere else."""

import bz2
import gzip
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.errors import CaseError
from napari_osuda.imaging.formats.stored import Stored, data_file, read_stored, require_growth, require_stored

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


@given(st.integers(0, 2000), st.integers(0, 3000), st.integers(0, 3000))
def test_raw_voxels_are_as_long_as_they_are(tmp_path_factory, size, needed, offset):
    file = tmp_path_factory.getbasetemp() / "voxels.raw"
    file.write_bytes(bytes(size))
    if needed <= max(size - offset, 0):
        require_stored(file, needed, "raw", offset)
    else:
        with pytest.raises(CaseError, match="ends early"):
            require_stored(file, needed, "raw", offset)


@pytest.mark.parametrize(
    ("encoding", "needed", "fits"),
    [("gzip", 1100 * 100, True), ("gzip", 1101 * 100, False), ("zlib", 1101 * 100, False),
     ("bzip2", 10**6, True), ("text", 10**6, True)],
)  # fmt: skip
def test_compressed_voxels_are_as_dense_as_can_be(tmp_path, encoding, needed, fits):
    (tmp_path / "a").write_bytes(bytes(100))
    if fits:
        require_stored(tmp_path / "a", needed, encoding)
    else:
        with pytest.raises(CaseError, match="ends early"):
            require_stored(tmp_path / "a", needed, encoding)


def test_no_honest_file_becomes_gigabytes():
    require_growth("a mask", 512**3, 140_000)
    require_growth("an image", 4 * 10**9, 10**9)
    with pytest.raises(CaseError, match="would grow 3,000-fold to 3,000,000,000 bytes"):
        require_growth("a bomb", 3 * 10**9, 10**6)
