from __future__ import annotations

import numpy as np
import pytest
from review_parts import SHAPE, write_run

from napari_osuda.napari_layers.masks import RESULT_KEY, RUN_KEY
from napari_osuda.napari_layers.run_folder import get_run_folder_reader, read_run_folder
from napari_osuda.session.review.run import ReviewRun


@pytest.fixture
def folder(tmp_path):
    return write_run(tmp_path / "run", ("a", "b"))


def test_a_run_folder_or_its_record_is_ours_and_nothing_else(folder, tmp_path):
    for path in (folder, folder / "run.json"):
        assert get_run_folder_reader(str(path)) is read_run_folder
    for path in (tmp_path, tmp_path / "a_flair.nii.gz"):
        assert get_run_folder_reader(str(path)) is None
    assert get_run_folder_reader([str(folder), str(folder)]) is None


def test_images_and_masks_come_as_layers_of_one_case(folder):
    layers = read_run_folder(str(folder))
    assert [kind for *_, kind in layers] == ["image", *["labels"] * 4]
    roles = [arguments["metadata"].get(RESULT_KEY) for _, arguments, _ in layers]
    assert roles == [None, "after", "before", "difference", "final"]
    assert [arguments["visible"] for _, arguments, _ in layers] == [True, False, False, False, True]
    for data, arguments, _ in layers:
        assert data.shape == SHAPE[::-1]
        assert arguments["metadata"][RUN_KEY] == {"folder": str(folder), "case": "a"}


def test_the_case_that_was_last_under_review_comes_first(folder):
    run = ReviewRun.of_folder(folder)
    run.review("b").decide("before", None)
    run.record.set_position("b", "axial", 1)
    run.record.write()
    final = read_run_folder(str(folder))[-1]
    assert final[1]["metadata"][RUN_KEY]["case"] == "b"
    before = ReviewRun.of_folder(folder).review("b").case.before
    assert np.count_nonzero(final[0]) == np.count_nonzero(before)
