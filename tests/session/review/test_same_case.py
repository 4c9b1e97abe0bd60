from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from review_parts import AFFINE, masks, write_run

from napari_osuda.imaging import read_labels
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.session.review.same_case import runs_on_case


def change(folder: Path, **changes: object) -> dict:
    path = folder / "run.json"
    record = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(record))
    return record


def test_the_runs_on_the_same_images_are_listed_with_what_they_came_to(tmp_path):
    folder = write_run(tmp_path / "first", ("case", "other"))
    again = write_run(tmp_path / "second", ("case",))
    write_run(tmp_path / "stranger", ("somebody",))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{")
    record = change(again, method="tent")
    expected = {"dice": 0.7, "low": 0.5, "high": 0.8}
    record["cases"][0]["recommendation"] = {
        "decision": "neither", "reasons": [],
        "regions": {"WT": {"decision": "neither", "expected_dice_after": expected}},
    }  # fmt: skip
    change(again, cases=record["cases"])
    os.utime(folder / "run.json", (1, 1))
    run = ReviewRun.of_folder(folder)
    first, second = runs_on_case(run, "case")
    assert (first.method, first.decision, first.expected) == ("tent", "neither", (0.7, 0.5, 0.8))
    assert (second.method, second.decision, second.current) == ("osuda", "accept", True)
    assert not first.current
    after = masks()[1]
    size = abs(np.linalg.det(AFFINE[:3, :3])) / 1000
    assert second.ml == pytest.approx(np.count_nonzero(after) * size)
    assert second.overlap == 1.0
    assert first.overlap == 1.0
    assert [each.name for each in runs_on_case(run, "other")] == ["other"]


def test_images_are_told_by_what_they_hold_before_their_path(tmp_path):
    folder, again = (write_run(tmp_path / name) for name in ("first", "second"))
    for number, each in enumerate((folder, again)):
        record = change(each)
        record["cases"][0]["inputs"][0]["sha256"] = str(number) * 64
        change(each, cases=record["cases"])
    run = ReviewRun.of_folder(folder)
    assert [each.current for each in runs_on_case(run, "case")] == [True], "the file has changed since"
    (again / "after" / "case.nii.gz").unlink()
    assert len(runs_on_case(run, "case")) == 1
    assert read_labels(folder / "after" / "case.nii.gz")[0].shape == masks()[1].shape
