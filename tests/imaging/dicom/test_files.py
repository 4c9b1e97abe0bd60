from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_parts import write_enhanced, write_series
from dicom_volume import AFFINE, SHAPE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_osuda.errors import CaseError
from napari_osuda.imaging import read_volume
from napari_osuda.imaging.dicom import is_dicom, series_of
from napari_osuda.imaging.dicom.files import header_of


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("suffix", [".ima", ""])
def test_files_without_preamble_are_read_whatever_their_suffix(series, numbers, implicit, suffix):
    for path in series:
        dataset = pydicom.dcmread(path)
        dataset.decode()
        del dataset.file_meta
        dataset.preamble = None
        bare = path.with_suffix(suffix)
        path.unlink()
        dataset.save_as(bare, implicit_vr=implicit, little_endian=True, enforce_file_format=False)
    np.testing.assert_array_equal(read_volume(series[0].parent).data, numbers)


def test_other_files_are_not_taken_for_dicom_without_preamble(tmp_path):
    for name, content in {
        "notes": b"\x08\x00 are bytes that begin a text" * 9, "zeros": bytes(200), "short": b"\x08\x00",
        "t1.nii": b"\x08\x00\x05\x00CS" * 40, "model.pt": b"\x08\x00\x05\x00CS" * 40,
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(content)
        assert not is_dicom(tmp_path / name), name


def test_a_missing_decoder_is_named_with_what_to_install(series, monkeypatch):
    header = pydicom.dcmread(series[0])
    header.file_meta.TransferSyntaxUID = pydicom.uid.JPEGLosslessSV1
    header.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8\xff\xd9"])
    header["PixelData"].is_undefined_length = True
    header.save_as(series[0])
    monkeypatch.setattr(type(pydicom.pixels.get_decoder(pydicom.uid.JPEGLosslessSV1)), "is_available", False)
    with pytest.raises(CaseError, match=r"JPEG Lossless.*pip install"):
        read_volume(series[0])


def test_a_header_is_read_once(series, monkeypatch):
    series_of(series[0])
    read = []
    monkeypatch.setattr(pydicom, "dcmread", lambda path, **_: read.append(path))
    assert header_of(series[0]).number == 3
    assert len(series_of(series[0]).files) == SHAPE[2]
    assert not read


@given(st.data())
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_byte_is_damaged_there_is_a_sentence_or_a_volume(tmp_path, data):
    folder = Path(tmp_path) / "d"
    if not folder.exists():
        write_series(folder / "one", np.ones((3, 4, 2), np.int16), AFFINE, shuffle=False)
        write_enhanced(folder / "two" / "IM1", np.ones((3, 4, 2), np.int16), AFFINE, [1, 0])
    path = data.draw(st.sampled_from(sorted(p for p in folder.rglob("IM*") if p.is_file())))
    whole = path.read_bytes()
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(132, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        path.write_bytes(bytes(damaged[: data.draw(st.integers(140, len(whole)))]))
        for where in (path, path.parent):
            # Nothing but a sentence comes out.
            with contextlib.suppress(CaseError):
                assert np.isfinite(read_volume(where).grid.affine).all()
    finally:
        path.write_bytes(whole)
