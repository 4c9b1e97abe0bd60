from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from review_parts import AXES, SHAPE, masks, review_case

from napari_osuda.session.review.log import PLANES, Entry
from napari_osuda.session.review.validity import still_valid


def decided(case, plane, slices, kind="after"):
    return Entry(kind, plane, tuple(slices), seen=case.digests(kind, plane, slices))


@given(st.sampled_from(PLANES), st.integers(0, 10**6))
def test_a_decision_holds_exactly_where_its_slice_is_the_same(plane, seed):
    case = review_case()
    slices = tuple(range(SHAPE[AXES[plane]]))
    entry = decided(case, plane, slices)
    after = case.after.copy()
    rng = np.random.default_rng(seed)
    changed = {index for index in slices if rng.random() < 0.5}
    for index in changed:
        np.moveaxis(after, AXES[plane], 0)[index] += 1
    held, lapsed = still_valid(review_case(after=after), entry)
    kept = tuple(index for index in slices if index not in changed)
    assert (held.slices if held else ()) == kept
    assert lapsed == ({plane: changed} if changed else {})


def test_the_whole_case_lapses_as_a_whole():
    case = review_case()
    entry = Entry("before", seen=case.digests("before", None))
    assert still_valid(case, entry) == (entry, {})
    held, lapsed = still_valid(review_case(before=masks(seed=5)[0]), entry)
    assert held is None
    assert lapsed == {plane: set(range(SHAPE[AXES[plane]])) for plane in PLANES}


def test_what_a_person_painted_holds_on_any_mask_but_not_on_another_shape():
    case = review_case(after=masks(seed=5)[1])
    entry, painted = Entry("edited", "axial", (1,)), np.ones((1, *SHAPE[:2]), np.uint8)
    assert still_valid(case, entry, painted) == (entry, {})
    for wrong in (None, painted[:, 1:], np.ones((2, *SHAPE[:2]), np.uint8)):
        assert still_valid(case, entry, wrong) == (None, {"axial": {1}})


def test_slices_that_there_are_not_are_left_out():
    case = review_case()
    held, _ = still_valid(case, Entry("flag", "axial", (1, 99)))
    assert held.slices == (1,)
    assert still_valid(case, Entry("flag", "axial", (99,))) == (None, {})


def test_an_edit_without_a_plane_contradicts_itself():
    with pytest.raises(ValueError, match="no plane"):
        still_valid(review_case(), Entry("edited"))
