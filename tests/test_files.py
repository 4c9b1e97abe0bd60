from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.errors import OutputError, printable
from napari_osuda.files import csv_cell, path_inside, sha256_of, written_whole


def test_a_file_is_there_whole(tmp_path):
    with written_whole(tmp_path / "new" / "mask.nii.gz") as partial:
        assert partial.parent == tmp_path / "new"
        assert partial.name.endswith("mask.nii.gz")
        partial.write_bytes(b"whole")
    assert (tmp_path / "new" / "mask.nii.gz").read_bytes() == b"whole"
    assert os.listdir(tmp_path / "new") == ["mask.nii.gz"]


def test_an_error_leaves_what_was_there_before(tmp_path):
    place = tmp_path / "run.json"
    place.write_text("before")

    def fill_the_disk() -> None:
        with written_whole(place) as partial:
            partial.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fill_the_disk()
    assert place.read_text() == "before"
    assert os.listdir(tmp_path) == ["run.json"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_the_permissions_are_an_ordinary_files(tmp_path):
    with written_whole(tmp_path / "a") as partial:
        partial.write_text("x")
    (tmp_path / "b").write_text("x")
    assert stat.S_IMODE(os.stat(tmp_path / "a").st_mode) == stat.S_IMODE(os.stat(tmp_path / "b").st_mode)


def test_the_hash_is_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


@given(st.lists(st.text(max_size=20), min_size=1, max_size=3))
def test_no_name_leads_out_of_a_folder(tmp_path_factory, names):
    folder = tmp_path_factory.getbasetemp()
    with suppress(OutputError):
        path = path_inside(folder, *names)
        assert path.relative_to(folder).parts == tuple(names)
        assert path.resolve().is_relative_to(folder.resolve())
        str(path).encode("utf-8")


def test_a_link_does_not_lead_out_either(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "after").symlink_to(tmp_path)
    with pytest.raises(OutputError, match="leads out of the folder"):
        path_inside(tmp_path / "run", "after", "case.nii.gz")


@given(st.text())
def test_what_is_printed_drives_no_terminal(text):
    shown = printable(text)
    assert not set(shown) & set(map(chr, [*range(9), *range(11, 32), *range(127, 160), 0x202E]))
    shown.encode("utf-8")
    assert printable(shown) == shown


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("+x", "'+x"), ("-x", "'-x"), ("-1.5", "-1.5"),
        ("+2e3", "+2e3"), ("-inf", "-inf"), ("low-grade", "low-grade"), (-1.5, -1.5), (None, None), ("", ""),
    ],
)  # fmt: skip
def test_no_cell_of_a_table_is_a_formula(value, cell):
    assert csv_cell(value) == cell
