from __future__ import annotations

import io
import stat
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.errors import ModelError
from napari_osuda.models.files.archives import inside, open_zip, read_member, zip_directory


def archive(*entries: tuple[str, bytes], mode: int | None = None) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as held:
        for name, content in entries:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if mode is not None:
                info.external_attr = mode << 16
            held.writestr(info, content)
    return stream.getvalue()


def directory(content: bytes):
    with open_zip(content, "model.zip") as held:
        return zip_directory(held, "model.zip")


def test_an_honest_archive_is_listed_and_read():
    content = archive(("a/weights.pt", b"12345"), ("rdf.yaml", b"name: x"))
    assert [info.filename for info in directory(content)] == ["a/weights.pt", "rdf.yaml"]
    with open_zip(content, "model.zip") as held:
        assert read_member(held, held.infolist()[0], "model.zip") == b"12345"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (archive(("../out", b"")), "not a path inside"),
        (archive(("link", b"/etc/passwd"), mode=stat.S_IFLNK | 0o777), "is a link"),
        (archive(("bomb", bytes(3 * 2**20))), "zip bombs"),
        (b"no archive at all", "not a readable zip"),
    ],
)
def test_a_trap_is_refused_by_name(content, said):
    with pytest.raises(ModelError, match=said):
        directory(content)


def test_an_entry_that_is_damaged_is_a_sentence():
    content = bytearray(archive(("weights.pt", bytes(range(256)) * 100)))
    with open_zip(bytes(content), "model.zip") as held:
        info = held.infolist()[0]
    content[info.header_offset + 60] ^= 0xFF
    with open_zip(bytes(content), "model.zip") as held, pytest.raises(ModelError, match="cannot be read"):
        read_member(held, held.infolist()[0], "model.zip")


@given(st.text(max_size=40))
def test_a_name_that_passes_stays_inside(name):
    try:
        found = inside(name, "model.zip")
    except ModelError:
        return
    assert not found.startswith("/")
    assert ".." not in found.split("/")
    assert "\\" not in found
