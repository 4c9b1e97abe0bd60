from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_osuda.errors import OsudaError, OutputError
from napari_osuda.method import preset
from napari_osuda.session import Step, adapt_case, find_unfinished
from napari_osuda.session.api import make_job
from napari_osuda.session.run.run import Run

CONFIG = preset("osuda", iterations=4, batch_size=4)


@pytest.fixture
def left(model, case, tmp_path):
    """A run folder whose run was cut off."""
    out = tmp_path / "runs" / "left"
    events = iter(Run(make_job(model, case, CONFIG, out=out)))
    for event in events:
        if isinstance(event, Step):
            break
    events.close()
    return out


def job_file(folder):
    return folder / "checkpoint" / "job.json"


def test_an_unfinished_run_is_found_and_goes_on(left):
    (run,) = find_unfinished(left.parent)
    assert (run.folder, run.iterations, run.interrupted) == (left, (1, 4), True)
    assert list(Run(run.job()))[-1].result.outcome == "done"
    assert find_unfinished(left.parent) == []


@pytest.mark.parametrize("name", ["../../evil", "/tmp/evil", "..", "a/b", "a\\b", "\x1b[2Jx", ""])
def test_a_case_that_leads_out_of_its_folder_is_no_unfinished_run(left, name):
    record = json.loads(job_file(left).read_text())
    for entry, key in ((record["files"][0], "case"), (record["cases"][0], "name")):
        changed = json.loads(json.dumps(record))
        (changed["files"][0] if key == "case" else changed["cases"][0])[key] = name
        job_file(left).write_text(json.dumps(changed))
        assert find_unfinished(left.parent) == []
        assert entry
    assert not (left.parent.parent / "evil.nii.gz").exists()


@pytest.mark.parametrize("place", ["before", "after", "uncertainty", "checkpoint", "timeline", "model"])
def test_a_link_out_of_the_run_folder_is_refused(model, case, left, tmp_path, place):
    elsewhere = tmp_path / "elsewhere"
    if (left / place).exists():
        shutil.move(left / place, elsewhere)
    else:
        elsewhere.mkdir()
    held = sorted(path.name for path in elsewhere.rglob("*"))
    (left / place).symlink_to(elsewhere)
    with pytest.raises(OutputError, match="is a link"):
        adapt_case(model, case, CONFIG, out=left, resume=True)
    assert sorted(path.name for path in elsewhere.rglob("*")) == held


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_run_gets_a_sentence_and_hides_no_other(left, data):
    text = job_file(left).read_text()
    twin = left.parent / "twin"
    if not twin.exists():
        shutil.copytree(left, twin)
    node, where = json.loads(text), []
    root = node
    while isinstance(node, dict | list) and node:
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        where.append((node, key))
        node = node[key]
        if data.draw(st.integers(0, 2)) == 0:
            break
    parent, key = where[-1]
    parent[key] = data.draw(junk)
    job_file(left).write_text(json.dumps(root))
    try:
        found = find_unfinished(left.parent)
        assert twin in [run.folder for run in found]
        for run in found:
            if run.folder == left:
                with suppress(OsudaError):
                    run.job()
    finally:
        job_file(left).write_text(text)


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"process": ' + b"9" * 4000 + b"}"]
)
def test_what_is_no_record_hides_no_other(left, text):
    shutil.copytree(left, left.parent / "twin")
    job_file(left).write_bytes(text)
    assert [run.folder.name for run in find_unfinished(left.parent)] == ["twin"]


@pytest.mark.posix
def test_a_pipe_in_place_of_a_file_holds_nobody_up(left):
    for name in ("state.pt", "state-before.pt", "job.json"):
        (left / "checkpoint" / name).unlink(missing_ok=True)
        os.mkfifo(left / "checkpoint" / name)
        assert len(find_unfinished(left.parent)) == (name == "state.pt")


def test_a_record_alone_is_no_finished_run(model, case, left, tmp_path):
    adapt_case(model, case, CONFIG, out=tmp_path / "done")
    with pytest.raises(OutputError, match="is finished"):
        adapt_case(model, case, CONFIG, out=tmp_path / "done", resume=True)
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "run.json").write_text("{}")
    with pytest.raises(OutputError, match="cannot be read as the record of a run"):
        adapt_case(model, case, CONFIG, out=tmp_path / "bare", resume=True)
    list(Run(make_job(model, case, CONFIG, out=tmp_path / "stopped")))
    record = json.loads((tmp_path / "stopped" / "run.json").read_text())
    (tmp_path / "stopped" / "run.json").write_text(json.dumps(record | {"outcome": "stopped"}))
    with pytest.raises(OutputError, match="was stopped, and its checkpoint is no longer there"):
        adapt_case(model, case, CONFIG, out=tmp_path / "stopped", resume=True)


def test_what_a_crash_left_half_written_is_swept(model, case, left):
    for place in (left, left / "before", left / "checkpoint"):
        (place / ".partial-x-y.nii.gz").write_bytes(b"half")
    (left / ".partial-model").mkdir()
    (left / ".partial-model" / "weights.pt").write_bytes(b"half")
    adapt_case(model, case, CONFIG, out=left, resume=True)
    assert not list(left.rglob(".partial-*"))
    assert not list(left.rglob(".lock"))


def test_a_killed_start_leaves_a_folder_that_can_be_used(model, case, tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    (out / ".lock").touch()
    (out / ".partial-abc-low.nii.gz").touch()
    assert adapt_case(model, case, CONFIG, out=out).outcome == "done"


def test_states_of_a_timeline_that_are_none_get_a_sentence(model, case, tmp_path):
    run = Run(make_job(model, case, CONFIG, out=tmp_path / "run"), keep_states=True)
    list(run)
    folder = tmp_path / "run" / "timeline"
    good = torch.load(folder / "000002.pt", weights_only=True)
    name = next(iter(good["changed"]))
    for state in (
        [], {}, {**good, "changed": []}, {**good, "iteration": 3}, {**good, "seen": {"a": torch.zeros(1)}},
        {**good, "changed": {name: torch.zeros(7)}}, {**good, "eta": "1"},
    ):  # fmt: skip
        torch.save(state, folder / "000002.pt")
        with pytest.raises(OutputError, match="cannot be read"):
            run.timeline.state(2)
    (folder / "²².pt").touch()
    again = Run(make_job(model, case, CONFIG), keep_states=True)
    assert again.timeline is None
