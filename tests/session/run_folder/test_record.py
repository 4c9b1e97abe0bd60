from __future__ import annotations

import json

import pytest
from record_parts import rewrite

from napari_osuda.errors import CaseError
from napari_osuda.session import NoteKind
from napari_osuda.session.run_folder.record import read_record, write_record


def test_a_record_of_an_earlier_version_is_read(document):
    folder, record = document
    record |= {"notes": ["Stopped."], "iterations_done": 7}
    record["config"] |= {"go_back": False, "contrast": "turned"}
    rewrite(folder, record)
    found = read_record(folder)
    assert (found.format, found.iteration_used, found.iteration_reason) == (2, 7, None)
    assert (found.config["fallback"], found.config["contrast"]) == (False, "inverted")
    assert found.note_kinds == (NoteKind.OTHER,)


def test_a_record_of_a_later_version_says_so(document):
    folder, record = document
    rewrite(folder, record | {"format": 3})
    with pytest.raises(CaseError, match="update napari-osuda"):
        read_record(folder)


def test_what_a_later_version_adds_is_kept(document):
    folder, record = document
    record["cases"][0]["recommendation"]["expected"] = [0.7, 0.5, 0.8]
    rewrite(folder, record)
    write_record(folder, read_record(folder))
    again = json.loads((folder / "run.json").read_text())
    assert again["cases"][0]["recommendation"]["expected"] == [0.7, 0.5, 0.8]
    assert again["model"]["card"] == record["model"]["card"]


@pytest.mark.parametrize("name", ["../case", "/etc/passwd", "", "..", "a\\b", "a\nb", "\u202egnp", "x" * 300])
def test_a_case_whose_name_is_no_name_of_a_file_is_refused(document, name):
    folder, record = document
    record["cases"][0]["name"] = name
    rewrite(folder, record)
    with pytest.raises(CaseError, match="cannot be read as the record of a run"):
        read_record(folder)
