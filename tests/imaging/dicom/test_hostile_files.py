"""DICOM files that ask for very much: refused with a sentence, and soon."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from dicom_parts import rewrite, write_series

from napari_osuda.errors import CaseError
from napari_osuda.imaging import read_volume
from napari_osuda.imaging.formats import stored

resource = pytest.importorskip("resource", reason="memory is limited by POSIX")

pydicom = pytest.importorskip("pydicom")
AFFINE = np.diag([1.5, 1.5, 3.0, 1.0])


@pytest.fixture(autouse=True)
def _soon_and_small() -> Iterator[None]:
    """Each attack is over within 10 s of this process's own time, and takes less than 300 MB."""
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert time.process_time() - began < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024


@pytest.fixture
def series(tmp_path: Path) -> list[Path]:
    return write_series(tmp_path / "s", np.arange(8 * 9 * 3).reshape(8, 9, 3), AFFINE)


def test_slices_of_65535_squared_in_a_kilobyte(series: list[Path]) -> None:
    for file in series:
        rewrite(file, Rows=65535, Columns=65535)
    with pytest.raises(CaseError, match="which no MRI does"):
        read_volume(series[0].parent)


def test_a_deflated_file_that_would_become_gigabytes(
    series: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in series:
        dataset = pydicom.dcmread(file)
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
        dataset.add_new(0x00091001, "OB", b"")
        dataset.save_as(file)
    assert read_volume(series[0].parent).data.shape == (8, 9, 3)
    monkeypatch.setattr(stored, "_LARGE", 2**22)
    dataset.add_new(0x00091001, "OB", bytes(2**24))
    dataset.save_as(series[0])
    assert series[0].stat().st_size < 2**16
    with pytest.raises(CaseError, match="which no MRI does"):
        read_volume(series[0].parent)


@pytest.mark.parametrize("depth", [10, 5000])
def test_sequences_in_sequences_of_no_length(series: list[Path], depth: int) -> None:
    """In an element of some maker's own, which nobody asks for."""
    content = series[0].read_bytes()
    at = content.rfind(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OW"))
    opening = struct.pack("<HH2sHI", 0x6001, 0x1001, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    closing = struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    series[0].write_bytes(content[:at] + opening * depth + closing * depth + content[at:])
    if depth < 100:
        assert read_volume(series[0].parent).data.shape == (8, 9, 3)
    else:
        with pytest.raises(CaseError):
            read_volume(series[0].parent)


def test_a_sequence_that_never_ends(series: list[Path]) -> None:
    content = series[0].read_bytes()
    at = content.rfind(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OW"))
    opening = struct.pack("<HH2sHI", 0x6001, 0x1001, b"SQ", 0, 0xFFFFFFFF)
    series[0].write_bytes(content[:at] + opening + b"\0" * 64)
    with pytest.raises(CaseError):
        read_volume(series[0])


def test_frames_that_are_counted_and_not_there(series: list[Path]) -> None:
    for file in series:
        rewrite(file, NumberOfFrames=10**9)
    with pytest.raises(CaseError):
        read_volume(series[0].parent)


def test_a_series_in_two_folders_that_is_given_from_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = write_series(tmp_path / "a", np.arange(8 * 9 * 4).reshape(8, 9, 4), AFFINE, shuffle=False)
    (tmp_path / "b").mkdir()
    for file in files[2:]:
        file.rename(tmp_path / "b" / file.name)
    monkeypatch.chdir(tmp_path)
    for given in (Path("a") / files[0].name, Path("a"), Path()):
        assert read_volume(given).data.shape == ((8, 9, 2) if given == Path("a") else (8, 9, 4))
