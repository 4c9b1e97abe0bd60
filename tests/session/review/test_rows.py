from __future__ import annotations

import numpy as np
import pytest
from review_parts import SHAPE, review_case

from napari_osuda.session.review.review import Review
from napari_osuda.session.review.rows import csv_rows
from napari_osuda.session.review.slices import slice_table


def rows(review, reference=None):
    return list(csv_rows(review, slice_table(review.case, "axial"), reference))


def test_a_row_says_what_was_decided_by_whom():
    review = Review(review_case())
    review.decide("before", "axial", [2], "Dr. Who")
    review.set_flag(True, "axial", [1], "look", "Dr. No")
    found = rows(review)
    assert [row["decision"] for row in found] == ["undecided", "undecided", "keep before", "undecided"]
    assert found[2]["decided_by"] == "Dr. Who"
    assert (found[1]["flagged"], found[1]["comment"], found[1]["flagged_by"]) == ("yes", "look", "Dr. No")
    assert found[0]["flagged"] == "no"
    assert [row["viewer_slice"] for row in found] == [0, 1, 2, 3]


def test_the_final_area_is_that_of_the_mask_that_was_chosen():
    review = Review(review_case())
    review.decide("before", "axial", [1])
    row = rows(review)[1]
    pixel = 2.0 * 1.5
    assert row["area_final_mm2 core"] == pixel * np.count_nonzero(review.case.before[..., 1] == 1)


def test_wrong_voxels_are_counted_only_against_a_reference():
    review = Review(review_case())
    assert not any("wrong" in key for key in rows(review)[0])
    found = rows(review, np.zeros(SHAPE, np.uint8))
    assert found[1]["wrong_before (reference)"] == np.count_nonzero(review.case.before[..., 1])


def test_a_label_that_a_person_has_added_has_its_columns():
    review = Review(review_case())
    review.final[0, 0, 1] = 7
    review.commit_edit("axial")
    row = rows(review)[1]
    assert row["area_final_mm2 label 7"] == 2.0 * 1.5
    assert row["ml_final label 7"] == pytest.approx(2.0 * 1.5 * 3.0 / 1000)
