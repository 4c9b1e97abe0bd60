from __future__ import annotations

import dataclasses
import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from review_parts import write_run

from napari_osuda.errors import CaseError
from napari_osuda.method import preset
from napari_osuda.session import IterationReason, NoteKind, adapt_case
from napari_osuda.session.notes import Note
from napari_osuda.session.run_folder.record import read_record, with_note, write_record
from napari_osuda.session.run_folder.record_of_run import run_record


@pytest.fixture
def document(tmp_path):
    folder = write_run(tmp_path / "run")
    return folder, json.loads((folder / "run.json").read_text())


def rewrite(folder, record):
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")


def test_what_is_written_is_read_again(model, case, reference, tmp_path):
    result = adapt_case(
        model, case, preset("osuda", iterations=1, batch_size=4), references=[reference], out=tmp_path / "run"
    )
    record = run_record(result)
    assert read_record(tmp_path / "run") == record
    assert record.case("patient").scores_after["WT"] == result.cases[0].scores_after[0]
    told = with_note(record, Note(NoteKind.MODEL_FORM, "A note."))
    write_record(tmp_path, told)
    assert read_record(tmp_path).notes[-1] == "A note."
    assert read_record(tmp_path).note_kinds[-1] is NoteKind.MODEL_FORM


def test_a_distance_that_does_not_exist_survives(model, case, reference, tmp_path):
    empty = dataclasses.replace(
        adapt_case(model, case, preset("osuda", iterations=1, batch_size=4), references=[reference * 0])
    )
    write_record(tmp_path, run_record(empty))
    score = read_record(tmp_path).cases[0].scores_after["WT"]
    assert score.failure
    assert score.hd95 == float("inf")
    assert json.loads((tmp_path / "run.json").read_text())["cases"][0]["scores_after"]["WT"]["hd95"] == "inf"


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


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(data=st.data())
def test_a_damaged_record_is_read_or_gets_a_sentence(document, data):
    folder, record = document
    place, where = json.loads(json.dumps(record)), []
    node = place
    while isinstance(node, dict | list) and node:
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        where.append((node, key))
        node = node[key]
        if data.draw(st.integers(0, 2)) == 0:
            break
    parent, key = where[-1]
    parent[key] = data.draw(junk)
    rewrite(folder, place)
    with suppress(CaseError):
        read_record(folder)


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b"1" * 5000, b"null"])
def test_what_is_no_record_gets_a_sentence(tmp_path, text):
    (tmp_path / "run.json").write_bytes(text)
    with pytest.raises(CaseError, match="cannot be read as the record of a run"):
        read_record(tmp_path)


def test_the_reasons_for_an_earlier_iteration_are_written_as_words(model, case, tmp_path):
    result = adapt_case(model, case, preset("osuda", iterations=1, batch_size=4))
    for reason in IterationReason:
        chosen = dataclasses.replace(result, iteration=0, iteration_reason=reason)
        write_record(tmp_path, run_record(chosen))
        assert json.loads((tmp_path / "run.json").read_text())["iteration_reason"] == reason.value
        assert read_record(tmp_path).iteration_reason is reason
