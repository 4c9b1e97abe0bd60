from __future__ import annotations

import gc
import multiprocessing
import tracemalloc
from pathlib import Path

import pytest
from bids_parts import Stub, write_bids

from napari_osuda.errors import OutputError
from napari_osuda.locks import locked
from napari_osuda.session.cohort import running
from napari_osuda.session.cohort.plan import plan
from napari_osuda.session.cohort.record import Outcomes
from napari_osuda.session.cohort.running import run_jobs


@pytest.fixture
def dataset(tmp_path):
    return write_bids(tmp_path / "bids", ["01", "02", "03"])


def states(dataset, work):
    return {told.job.name: told.state for told in run_jobs(plan(dataset), work, Outcomes(work.out))}


def test_one_that_fails_stops_nobody_and_is_tried_again(dataset, tmp_path):
    work = Stub(tmp_path / "out", failing=["sub-02"])
    assert states(dataset, work) == {"sub-01": "done", "sub-02": "failed", "sub-03": "done"}
    outcome = Outcomes(work.out).of(next(job for job in plan(dataset) if job.name == "sub-02"))
    assert outcome is not None
    assert (outcome.state, outcome.error, outcome.tries) == ("failed", "sub-02 is broken.", 1)
    work.failing.clear()
    work.seen.clear()
    assert states(dataset, work) == {"sub-01": "skipped", "sub-02": "done", "sub-03": "skipped"}
    assert work.seen == ["sub-02"]


@pytest.mark.parametrize("what", ["a mask is gone", "an image has changed", "its record is damaged"])
def test_what_is_no_longer_whole_is_done_again(dataset, tmp_path, what):
    work = Stub(tmp_path / "out")
    states(dataset, work)
    if what == "a mask is gone":
        (work.out / "sub-02_adapted.nii.gz").unlink()
    elif what == "an image has changed":
        image = dataset / "sub-02" / "anat" / "sub-02_T2w.nii.gz"
        image.write_bytes(image.read_bytes() + b"more")
    else:
        (work.out / "jobs" / "sub-02.json").write_text('{"state": ')
    assert states(dataset, work) == {"sub-01": "skipped", "sub-02": "done", "sub-03": "skipped"}


def test_what_another_program_works_on_is_passed_over(dataset, tmp_path):
    work = Stub(tmp_path / "out")
    with locked(work.out / "jobs", ".sub-02.lock"):
        assert states(dataset, work)["sub-02"] == "busy"
    assert "sub-02" not in work.seen


def test_a_full_disk_ends_it_with_a_sentence(dataset, tmp_path, monkeypatch):
    work, left = Stub(tmp_path / "out", failing=["sub-01"]), []

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_osuda.session.cohort.record.write_document", full)
    with pytest.raises(OutputError, match=r"No space left on device\)\. sub-01: sub-01 is broken\."):
        left.extend(run_jobs(plan(dataset), work, Outcomes(work.out)))
    assert work.seen == ["sub-01"]
    assert not left


def _part(dataset, out, part):
    for _ in run_jobs(plan(dataset, parts=2, part=part), Stub(out), Outcomes(out)):
        pass


def test_two_processes_share_the_work(tmp_path):
    dataset, out = write_bids(tmp_path / "bids", [f"{n:02d}" for n in range(7)]), tmp_path / "out"
    context = multiprocessing.get_context(
        "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    )
    workers = [context.Process(target=_part, args=(dataset, out, part)) for part in (1, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert all(Outcomes(out).finished(job) for job in plan(dataset))


def test_memory_stays_flat(tmp_path):
    for number in range(600):
        (tmp_path / "bids" / f"sub-{number:04d}").mkdir(parents=True)
    work, used = Stub(tmp_path / "out"), []
    # What other threads of the test process do meanwhile is none of the cohort's.
    ours = tracemalloc.Filter(True, str(Path(running.__file__).parent / "*"), all_frames=True)
    tracemalloc.start(5)
    try:
        for number, _ in enumerate(run_jobs(plan(tmp_path / "bids"), work, Outcomes(work.out))):
            if number in (100, 599):
                gc.collect()
                traces = tracemalloc.take_snapshot().filter_traces([ours]).traces
                used.append(sum(trace.size for trace in traces))
    finally:
        tracemalloc.stop()
    assert used[0] > 0
    # The stub's own list of names grows.
    assert used[1] - used[0] < 500 * 400
