from __future__ import annotations

import dataclasses
import json

from napari_osuda.method import preset
from napari_osuda.session import IterationReason, NoteKind, adapt_case
from napari_osuda.session.notes import Note
from napari_osuda.session.run_folder.record import read_record, with_note, write_record
from napari_osuda.session.run_folder.record_of_run import run_record


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


def test_the_reasons_for_an_earlier_iteration_are_written_as_words(model, case, tmp_path):
    result = adapt_case(model, case, preset("osuda", iterations=1, batch_size=4))
    for reason in IterationReason:
        chosen = dataclasses.replace(result, iteration=0, iteration_reason=reason)
        write_record(tmp_path, run_record(chosen))
        assert json.loads((tmp_path / "run.json").read_text())["iteration_reason"] == reason.value
        assert read_record(tmp_path).iteration_reason is reason
