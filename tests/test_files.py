from __future__ import annotations

import hashlib
import os
import stat

import pytest

from napari_osuda.files import sha256_of, written_whole


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
