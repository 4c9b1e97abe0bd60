"""Small images that ask for very much, and what stands in images beside voxels: refused or passed over."""

from __future__ import annotations

import gzip
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from napari_osuda.errors import CaseError
from napari_osuda.imaging import SliceSpec, SliceStack, case_from_arrays, read_case, read_labels, read_volume
from napari_osuda.imaging.formats import stored
from napari_osuda.imaging.grid import Grid

resource = pytest.importorskip("resource", reason="memory is limited by POSIX")

VOXELS = np.arange(1, 121, dtype=np.int16).reshape(6, 5, 4, order="F")
AFFINE = np.diag([1.5, 1.5, 3.0, 1.0])


@pytest.fixture(autouse=True)
def _soon_and_small() -> Iterator[None]:
    """Each attack is over within 10 s of this process's own time, and takes less than 300 MB."""
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert time.process_time() - began < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024


def _content(kind: Any = nib.Nifti1Image) -> bytearray:
    return bytearray(kind(VOXELS, AFFINE).to_bytes())


def _with(content: bytearray, *fields: tuple[int, str, Any]) -> bytearray:
    for at, code, value in fields:
        struct.pack_into(code, content, at, value)
    return content


HUGE = [(42, "<h", 2000), (44, "<h", 2000), (46, "<h", 2000)]


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_header_that_describes_more_than_the_file_can_hold(tmp_path: Path, name: str) -> None:
    content = bytes(_with(_content(), *HUGE))
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    with pytest.raises(CaseError, match="ends early"):
        read_volume(tmp_path / name)


@pytest.mark.parametrize("name", ["a.mgh", "a.mgz"])
@pytest.mark.parametrize("sizes", [(2000, 2000, 2000, 1), (6, 5, 4, 2**30), (-6, 5, 4, 1), (0, 5, 4, 1)])
def test_sizes_of_an_mgh_file(tmp_path: Path, name: str, sizes: tuple[int, ...]) -> None:
    content = bytes(_with(_content(nib.MGHImage), *((4 + 4 * i, ">i", n) for i, n in enumerate(sizes))))
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("mgz") else content)
    with pytest.raises(CaseError):
        read_volume(tmp_path / name)


def test_a_pair_whose_header_describes_more_than_the_image_holds(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Pair(VOXELS, AFFINE), tmp_path / "a.img")
    (tmp_path / "a.hdr").write_bytes(_with(bytearray((tmp_path / "a.hdr").read_bytes()), *HUGE))
    for name in ("a.hdr", "a.img"):
        with pytest.raises(CaseError, match="ends early"):
            read_volume(tmp_path / name)


@pytest.mark.posix
def test_what_lies_beside_a_pair_is_short(tmp_path: Path) -> None:
    nib.save(nib.Spm99AnalyzeImage(VOXELS, AFFINE), tmp_path / "a.img")
    read_volume(tmp_path / "a.img")
    (tmp_path / "a.mat").unlink(missing_ok=True)
    os.mkfifo(tmp_path / "a.mat")
    with pytest.raises(CaseError, match="too large for the header"):
        read_volume(tmp_path / "a.img")
    (tmp_path / "a.mat").unlink()
    (tmp_path / "a.mat").write_bytes(bytes(2**20))
    with pytest.raises(CaseError, match="too large for the header"):
        read_volume(tmp_path / "a.img")


@pytest.mark.posix
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.mgz", "a.nrrd", "a.mha", "a.hdr"])
def test_a_pipe_holds_nobody_up(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(CaseError, match="is a pipe or a device"):
        read_volume(tmp_path / name)


def test_a_small_file_that_would_become_gigabytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "_LARGE", 2**22)
    content = _with(
        _content(), (42, "<h", 256), (44, "<h", 256), (46, "<h", 256), (70, "<h", 2), (72, "<h", 8)
    )
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(bytes(content[:352]) + bytes(256**3)))
    for read in (read_volume, read_labels):
        with pytest.raises(CaseError, match="which no MRI does"):
            read(tmp_path / "a.nii.gz")


def test_more_behind_the_voxels_than_the_header_describes(tmp_path: Path) -> None:
    # Members of an archive that follow each other are one file.
    piece = gzip.compress(bytes(2**22))
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(bytes(_content())) + piece * 10)
    np.testing.assert_array_equal(read_volume(tmp_path / "a.nii.gz").data, VOXELS)
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(bytes(_content())) + piece * 300)
    with pytest.raises(CaseError, match="far more than its header describes"):
        read_volume(tmp_path / "a.nii.gz")


def test_voxels_in_several_members_are_one_image(tmp_path: Path) -> None:
    content = bytes(_content())
    parts = [gzip.compress(content[i : i + 100]) for i in range(0, len(content), 100)]
    (tmp_path / "a.nii.gz").write_bytes(b"".join(parts))
    np.testing.assert_array_equal(read_volume(tmp_path / "a.nii.gz").data, VOXELS)


@pytest.mark.parametrize(
    "name", ["a" * 5000, "a\0b", "\x1b[31m", "../canary.raw", "/etc/passwd", "x/../../c.raw"]
)
@pytest.mark.parametrize("suffix", [".mhd", ".nhdr"])
def test_voxels_in_files_of_odd_names(tmp_path: Path, name: str, suffix: str) -> None:
    (tmp_path / "canary.raw").write_bytes(bytes(8))
    (tmp_path / "images").mkdir()
    path = tmp_path / f"images/a{suffix}"
    heads = {
        ".mhd": f"NDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementSpacing = 1 1 1\n"
        f"ElementDataFile = {name}\n",
        ".nhdr": f"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nencoding: raw\nspacings: 1 1 1\n"
        f"data file: {name}\n",
    }
    path.write_text(heads[suffix])
    with pytest.raises(CaseError) as refused:
        read_volume(path)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("offset", [1e9, 3e38, 2.0**30])
def test_voxels_far_behind_the_header(tmp_path: Path, offset: float) -> None:
    content = gzip.compress(bytes(_with(_content(), (108, "<f", offset))))
    (tmp_path / "a.nii.gz").write_bytes(content)
    with pytest.raises(CaseError, match=r"behind its header|ends early"):
        read_volume(tmp_path / "a.nii.gz")


_LAUGHS = b"<!DOCTYPE CIFTI [<!ENTITY a 'ha'>%s]><CIFTI>&a8;</CIFTI>" % b"".join(
    b"<!ENTITY a%d '%s'>" % (i, b"&a%d;" % (i - 1) * 10) for i in range(1, 9)
)


@pytest.mark.parametrize(
    ("size", "code", "text"),
    [
        (-8, 0, b""), (0, 0, b""), (2**31 - 16, 4, b""), (8, 6, b""),
        # What nibabel would parse: a DICOM header, and the XML of CIFTI.
        (None, 2, b"\0" * 128 + b"DICM" + b"\xff" * 64), (None, 32, _LAUGHS), (None, 999, b"\x1b[31m" * 9),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_extensions_are_passed_over_whatever_they_are(
    tmp_path: Path, size: int | None, code: int, text: bytes, name: str
) -> None:
    body = text + bytes(-len(text) % 16)
    extension = struct.pack("<ii", len(body) + 16 if size is None else size, code) + body + bytes(8)
    content = _with(_content(), (108, "<f", 352 + len(extension)))
    whole = bytes(content[:348]) + b"\1\0\0\0" + extension + bytes(content[352:])
    (tmp_path / name).write_bytes(gzip.compress(whole) if name.endswith("gz") else whole)
    np.testing.assert_array_equal(read_volume(tmp_path / name).data, VOXELS)


@pytest.mark.parametrize(
    ("shape", "spacing"),
    [((9000, 2, 2), 1.0), ((2, 9000, 2), 1.0), ((400, 400, 2), 500.0), ((40, 40, 40), 90.0)],
)
def test_images_that_would_grow_without_measure(shape: tuple[int, int, int], spacing: float) -> None:
    data = np.random.default_rng(0).normal(100, 9, shape).astype(np.float32)
    case = case_from_arrays("a", {"t2": data}, Grid(shape, np.diag([spacing] * 3 + [1.0])))
    for plane in ("axial", "volume"):
        with pytest.raises(CaseError, match=r"[Cc]heck (its|the voxel size in its) header"):
            SliceStack(case, SliceSpec(plane=plane, spacing_mm=(1.0, 1.0, 0.05)))


def test_a_field_of_view_between_two_voxels_sees_what_it_can() -> None:
    data = np.random.default_rng(0).normal(100, 9, (4, 4, 4)).astype(np.float32)
    case = case_from_arrays("a", {"t2": data}, Grid((4, 4, 4), np.diag([400.0] * 3 + [1.0])))
    stack = SliceStack(case, SliceSpec(size=(32, 32), field_of_view_mm=(40.0, 40.0)))
    assert stack.slices([0]).shape == (1, 1, 32, 32)


_NRRD = (
    "NRRD0005\ntype: uchar\ndimension: 3\nsizes: 2 3 4\nencoding: raw\nspace: lps\n"
    "space directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\n"
)
_META = "NDims = 3\nDimSize = 2 3 4\nElementType = MET_UCHAR\nElementSpacing = 1 1 1\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("dimension: 3\nsizes: 2 3 4", "dimension: 70\nsizes: 2 3 4" + " 1" * 67),
        ("dimension: 3\nsizes: 2 3 4", "dimension: 90000\nsizes:" + " 1" * 90000),
        ("sizes: 2 3 4", "sizes: 2 3 " + "9" * 4000),
        ("sizes: 2 3 4", "sizes: 2000000000 2000000000 2000000000"),
        ("encoding: raw", "encoding: raw\nline skip: 1000000000000"),
        ("(0,0,1)", "(" * 200_000),
        ("encoding: raw", "encoding: text"),
        ("encoding: raw", "encoding: raw\ndata file: circle"),
    ],
    ids=["axes", "very many axes", "digits", "voxels", "lines", "brackets", "no numbers", "circle of links"],
)
def test_text_headers_that_ask_for_too_much(tmp_path: Path, before: str, after: str) -> None:
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "a.nrrd").write_bytes((_NRRD.replace(before, after) + "\n").encode() + b"1e400 " * 24)
    with pytest.raises(CaseError) as refused:
        read_volume(tmp_path / "a.nrrd")
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(("before", "after"), [
    ("NDims = 3\nDimSize = 2 3 4", "NDims = 70\nDimSize = 2 3 4" + " 1" * 67),
    ("2 3 4", "2000000000 2000000000 2000000000"), ("ElementSpacing", "HeaderSize = 1e300\nElementSpacing"),
])  # fmt: skip
def test_metaimages_that_ask_for_too_much(tmp_path: Path, before: str, after: str) -> None:
    for place in ("LOCAL", "circle"):
        (tmp_path / "circle").unlink(missing_ok=True)
        (tmp_path / "circle").symlink_to("circle")
        header = _META.replace(before, after) + f"ElementDataFile = {place}\n"
        (tmp_path / "a.mha").write_bytes(header.encode() + bytes(24))
        with pytest.raises(CaseError) as refused:
            read_volume(tmp_path / "a.mha")
        assert len(str(refused.value)) < 400


def test_a_path_that_no_file_can_have() -> None:
    for path in ("a" * 5000 + ".nii", "a\0b.nii", "\ud800.nii"):
        for read in (read_volume, read_labels, lambda spec: read_case(spec, ["t2"])):
            with pytest.raises(CaseError):
                read(path)
