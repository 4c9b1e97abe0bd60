from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.errors import OutputError, printable
from napari_osuda.files import (
    csv_cell,
    expanded,
    file_name,
    name_given_twice,
    path_inside,
    sha256_of,
    written_whole,
)


def test_a_file_is_there_whole(tmp_path):
    with written_whole(tmp_path / "new" / "mask.nii.gz") as partial:
        assert partial.parent == tmp_path / "new"
        assert partial.name.endswith("mask.nii.gz")
        partial.write_bytes(b"whole")
    assert (tmp_path / "new" / "mask.nii.gz").read_bytes() == b"whole"
    assert os.listdir(tmp_path / "new") == ["mask.nii.gz"]


def test_homes_and_circles_of_links(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/a") == tmp_path / "a"
    assert expanded("~nobody-is-called-so/a").name == "a"
    (tmp_path / "circle").symlink_to("circle")
    assert path_inside(tmp_path, "circle", "a").name == "a"
    with pytest.raises(OSError, match=r"[Ss]ymbolic|circle"):
        (tmp_path / "circle" / "a").write_text("")


@pytest.mark.parametrize(
    ("names", "twice"),
    [
        (("a", "b", "a_b"), None),
        (("A", "a"), "a"),
        (("caf\u00e9", "cafe\u0301"), "cafe\u0301"),
        (("a", "a."), "a."),
    ],
)
def test_names_that_are_one_on_some_system(names, twice):
    assert name_given_twice(names) == twice


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
        assert file_name(path.name) == path.name
        assert path.resolve().is_relative_to(folder.resolve())
        str(path).encode("utf-8")


def test_a_link_does_not_lead_out_either(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "after").symlink_to(tmp_path)
    with pytest.raises(OutputError, match="leads out of the folder"):
        path_inside(tmp_path / "run", "after", "case.nii.gz")


@pytest.mark.parametrize(
    "name",
    [
        "", " ", ".", "..", "../evil", "/etc/passwd", "a/b", "a\\b", "..\\evil", "C:evil", "case:stream",
        "\uff0e\uff0e", "\u2025", " .. ", "a\uff0fb", "a\u2100", "a\uff1ab",
        "nul", "CON.nii.gz", "aux .txt", "Lpt9",
        "a\0b", "a\nb", "\x1b[31mred", "\u202efdp", "a\u2028b", "\ud800", "a" * 300, "\u00e9" * 150,
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere_on_some_system_are_none(name, tmp_path):
    with pytest.raises(OutputError) as refused:
        file_name(name)
    assert len(str(refused.value)) < 400
    assert str(refused.value).isprintable()
    with pytest.raises(OutputError):
        path_inside(tmp_path, name, "mask.nii.gz")


@pytest.mark.parametrize(
    "name",
    [
        "sub-01",
        "T2 (3)",
        "\u75c5\u5909 1",
        "a\u3000b",
        "conrad",
        "case.",
        "..a",
        "\u06a9\u200c\u0647",
        "e\u0301",
        "auxiliary",
        "com10",
    ],
)
def test_what_hospitals_call_their_cases_is_a_name(name):
    assert file_name(name) == name


@given(st.text())
def test_what_is_printed_drives_no_terminal(text):
    shown = printable(text, kept="\n\t")
    assert not set(shown) & set(map(chr, [*range(9), *range(11, 32), *range(127, 160), 0x202E]))
    shown.encode("utf-8")
    assert printable(shown, kept="\n\t") == shown


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("+x", "'+x"), ("-x", "'-x"), ("-1.5", "-1.5"),
        ("+2e3", "+2e3"), ("-inf", "-inf"), ("low-grade", "low-grade"), ("\t=1", "'\t=1"), ("\r@x", "'\r@x"),
        ("\n=1", "'\n=1"), ("  =1", "'  =1"), ("\uff1d1", "'\uff1d1"), ("\uff20x", "'\uff20x"),
        (-1.5, -1.5), (None, None), ("", ""),
    ],
)  # fmt: skip
def test_no_cell_of_a_table_is_a_formula(value, cell):
    assert csv_cell(value) == cell


@pytest.mark.posix
def test_what_has_no_end_has_no_hash(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for endless in (tmp_path / "pipe", tmp_path, "/dev/zero"):
        with pytest.raises(OSError, match="a pipe, a device or a folder"):
            sha256_of(endless)
