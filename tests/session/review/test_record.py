from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from review_parts import act, acts, review_case, write_run

from napari_osuda.errors import CaseError, OutputError
from napari_osuda.session.review.log import PLANES, Entry
from napari_osuda.session.review.record import ReviewRecord
from napari_osuda.session.review.run import ReviewRun


def same(first, second) -> None:
    np.testing.assert_array_equal(first.final, second.final)
    assert first.log == second.log
    for plane in PLANES:
        for index in range(first.count(plane)):
            assert first.choice(plane, index) == second.choice(plane, index)
            assert first.flag(plane, index) == second.flag(plane, index)
    assert first.volume_flag == second.volume_flag


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sequence=acts())
def test_after_every_act_the_folder_holds_what_memory_does(tmp_path_factory, sequence):
    folder = tmp_path_factory.mktemp("run")
    review = ReviewRecord(folder, {}).open_case(review_case())
    for one in sequence:
        act(review, *one)
        same(review, ReviewRecord(folder, {}).open_case(review_case()))


def test_a_record_in_memory_is_written_whole_when_it_gets_a_folder(tmp_path):
    record = ReviewRecord(None, {"method": "osuda"})
    review = record.open_case(review_case())
    review.final[1, 1, 1] = 3 - review.final[1, 1, 1]
    review.commit_edit("axial")
    record.set_position("case", "axial", 2)
    record.move_to(tmp_path)
    again = ReviewRecord(tmp_path, {})
    same(review, again.open_case(review_case()))
    assert again.position("case") == {"plane": "axial", "slice": 2}
    assert again.last_case == "case"
    review.undo()
    same(review, ReviewRecord(tmp_path, {}).open_case(review_case()))


def test_what_another_window_wrote_is_not_written_over(tmp_path):
    first = ReviewRecord(tmp_path, {}).open_case(review_case())
    first.decide("before", "axial", [1])
    second = ReviewRecord(tmp_path, {}).open_case(review_case())
    second.decide("before", "axial", [2])
    with pytest.raises(OutputError, match="written by another window"):
        first.decide("before", "axial", [3])
    same(second, ReviewRecord(tmp_path, {}).open_case(review_case()))
    assert len(first.log) == 1


def test_decisions_hold_where_the_masks_are_the_same_as_when_they_were_made(tmp_path):
    case = review_case()
    review = ReviewRecord(tmp_path, {}).open_case(case)
    review.decide("before", "axial", [1])
    review.decide("after", "axial", [2, 3])
    review.final[1, 1, 1] = 3 - review.final[1, 1, 1]
    review.commit_edit("coronal")
    painted = review.final[:, 1].copy()
    after = case.after.copy()
    after[:, 2:, 3] = 0
    other = review_case(after=after)
    again = ReviewRecord(tmp_path, {}).open_case(other)
    choices = [again.choice("axial", index) for index in range(4)]
    assert [None if chosen is None else chosen.kind for chosen in choices] == [None, "before", "after", None]
    assert again.lapsed("axial") == [3]
    np.testing.assert_array_equal(again.final[:, 1], painted)
    np.testing.assert_array_equal(again.final[:, 2:, 3], after[:, 2:, 3])
    again.decide("after", "axial", [3])
    assert again.lapsed("axial") == []
    # Back to the earlier iteration: what was decided on it holds again.
    back = ReviewRecord(tmp_path, {}).open_case(case)
    assert [back.choice("axial", index) is not None for index in range(4)] == [False, True, True, True]


def test_a_whole_mask_that_was_taken_lapses_as_a_whole(tmp_path):
    ReviewRecord(tmp_path, {}).open_case(review_case()).decide("after", None)
    other = review_case(after=review_case().before)
    again = ReviewRecord(tmp_path, {}).open_case(other)
    assert again.progress("axial")[0] == 0
    assert again.lapsed("coronal") == list(range(5))


def test_a_record_without_digests_of_slices_lapses_with_its_mask(tmp_path):
    review = ReviewRecord(tmp_path, {}).open_case(review_case())
    review.decide("after", "axial", [1, 2])
    review.decide("before", "axial", [3])
    path = tmp_path / "review.json"
    document = json.loads(path.read_text())
    for entry in document["cases"]["case"]["log"]:
        del entry["seen"]
    path.write_text(json.dumps(document))
    assert ReviewRecord(tmp_path, {}).open_case(review_case()).progress("axial") == (3, 3)
    other = review_case(after=review_case().before)
    again = ReviewRecord(tmp_path, {}).open_case(other)
    assert again.lapsed("axial") == [1, 2]
    assert again.choice("axial", 3) is not None
    again.set_flag(True, "axial", [1])
    assert ReviewRecord(tmp_path, {}).open_case(other).lapsed("axial") == [1, 2], "and stays so"


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sequence=acts())
def test_other_masks_never_lock_a_record_and_give_nothing_that_nobody_saw(tmp_path_factory, sequence):
    folder = tmp_path_factory.mktemp("run")
    review = ReviewRecord(folder, {}).open_case(review_case())
    for one in sequence:
        act(review, *one)
    other = review_case(after=np.roll(review_case().after, 1, axis=0))
    again = ReviewRecord(folder, {}).open_case(other)
    for plane in PLANES:
        for index in range(again.count(plane)):
            chosen = again.choice(plane, index)
            if chosen is not None and chosen.kind == "after" and chosen.plane == plane:
                assert again.case.digests("after", plane, [index]) == review_case().digests(
                    "after", plane, [index]
                )


def test_what_was_decided_without_a_name_is_signed_by_the_one_who_signs(tmp_path):
    record = ReviewRecord(tmp_path, {})
    earlier = record.open_case(review_case())
    earlier.decide("before", "axial", [1])
    record = ReviewRecord(tmp_path, {})
    review = record.open_case(review_case())
    review.decide("before", "axial", [2])
    review.decide("before", "axial", [3], "B. Reader")
    record.sign("case", "A. Reader")
    record.write()
    again = ReviewRecord(tmp_path, {}).open_case(review_case())
    assert [entry.who for entry in again.log] == ["", "A. Reader", "B. Reader"]
    assert review.choice("axial", 2).who == "A. Reader"


def test_a_saved_mask_is_out_of_step_once_the_masks_change(tmp_path):
    record = ReviewRecord(tmp_path, {})
    record.open_case(review_case())
    record.add_saved("case", {"entries": 0})
    assert record.in_step("case")
    record = ReviewRecord(tmp_path, {})
    record.open_case(review_case(after=review_case().before))
    assert not record.in_step("case")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read as the record"),
        ('{"format": 9, "cases": {}}', "format 9"),
        ("[]", "cannot be read"),
    ],
)
def test_a_damaged_record_gets_a_sentence(tmp_path, text, said):
    (tmp_path / "review.json").write_text(text)
    with pytest.raises(CaseError, match=said):
        ReviewRecord(tmp_path, {})


def test_a_log_that_contradicts_itself_gets_a_sentence(tmp_path):
    ReviewRecord(tmp_path, {}).open_case(review_case()).decide("before", "axial", [1])
    path = tmp_path / "review.json"
    document = json.loads(path.read_text())
    document["cases"]["case"]["log"] = [Entry("undo").to_dict()]
    path.write_text(json.dumps(document))
    with pytest.raises(CaseError, match="contradicts itself"):
        ReviewRecord(tmp_path, {}).open_case(review_case())


_WORK = """
import sys
sys.path.insert(0, sys.argv[2])
import numpy as np
from napari_osuda.session.review.run import ReviewRun
review = ReviewRun.of_folder(sys.argv[1]).review("case")
print("ready", flush=True)
n = 0
while True:
    review.final[n % 6, 1, 1 + n % 3] = (1, 3, 0)[n // 6 % 3]
    review.commit_edit("axial", "A. Reader")
    review.decide(("after", "before")[n % 2], "coronal", [n % 5], "A. Reader")
    review.set_flag(True, "axial", [1], str(n))
    n += 1
    print(len(review.log), flush=True)
"""


@pytest.mark.posix
def test_nothing_is_lost_when_the_process_is_killed(tmp_path):
    folder = write_run(tmp_path / "run")
    here = str(Path(__file__).parents[2] / "helpers")
    worker = subprocess.Popen(
        [sys.executable, "-c", _WORK, str(folder), here], stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    told = 0
    for line in worker.stdout:
        told = int(line) if line.strip().isdigit() else 0
        if told >= 30:
            break
    os.kill(worker.pid, signal.SIGKILL)
    worker.stdout.close()
    worker.wait()
    review = ReviewRun.of_folder(folder).review("case")
    assert len(review.log) >= told
    assert review.flag("axial", 1) is not None
    assert not [
        path for path in folder.rglob("*.json") if path.name != "run.json" and path.stat().st_size == 0
    ]
