from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from review_parts import AFFINE, AXES, act, acts, masks, review_case

from napari_osuda.errors import CaseError
from napari_osuda.imaging import Grid
from napari_osuda.session.review.case import plane_axes
from napari_osuda.session.review.log import PLANES, Entry, in_force
from napari_osuda.session.review.review import Review


def replayed(sequence: list[tuple]) -> np.ndarray:
    """The final mask by keeping every state there was: nothing in common with how the review does it."""
    before, after = masks()
    states, undone = [after.copy()], []
    for kind, plane, slices, value in sequence:
        if kind == "undo":
            if len(states) > 1:
                undone.append(states.pop())
            continue
        if kind == "redo":
            if undone:
                states.append(undone.pop())
            continue
        state = states[-1].copy()
        for index in slices if plane else [None]:
            place = [slice(None)] * 3
            if plane:
                place[AXES[plane]] = index
            if kind in ("after", "before"):
                state[tuple(place)] = (after if kind == "after" else before)[tuple(place)]
            elif kind == "edited":
                rest = [axis for axis in range(3) if axis != AXES[plane]]
                place[rest[0]], place[rest[1]] = slice(1, 3), slice(0, 2)
                state[tuple(place)] = value
        if kind == "edited" and np.array_equal(state, states[-1]):
            continue  # a stroke that changes nothing is no decision
        states.append(state)
        undone.clear()
    return states[-1]


@settings(deadline=None, max_examples=60)
@given(acts())
def test_any_sequence_of_acts_gives_the_mask_that_a_plain_replay_gives(sequence):
    review = Review(review_case())
    shown = review.final
    for one in sequence:
        act(review, *one)
    assert review.final is shown, "a viewer shows this very array"
    np.testing.assert_array_equal(review.final, replayed(sequence))
    before, after = masks()
    for plane in PLANES:
        others = tuple(axis for axis in range(3) if axis != AXES[plane])
        marked = ((before != 0) | (after != 0) | (review.final != 0)).any(axis=others)
        wanted = [i for i in range(review.count(plane)) if marked[i] or review.choice(plane, i) is not None]
        assert review.to_decide(plane) == wanted


@settings(deadline=None, max_examples=60)
@given(acts())
def test_undoing_everything_and_redoing_it_comes_back_to_the_same_decisions(sequence):
    review = Review(review_case())
    for one in sequence:
        act(review, *one)
    final = review.final.copy()
    held = [[review.choice(p, i) for i in range(review.count(p))] for p in PLANES]
    flags = [[review.flag(p, i) for i in range(review.count(p))] for p in PLANES]
    steps = 0
    while review.undo() is not None:
        steps += 1
    assert not review.can_undo
    np.testing.assert_array_equal(review.final, review.case.after)
    for _ in range(steps):
        assert review.redo() is not None
    np.testing.assert_array_equal(review.final, final)
    assert held == [[review.choice(p, i) for i in range(review.count(p))] for p in PLANES]
    assert flags == [[review.flag(p, i) for i in range(review.count(p))] for p in PLANES]


@pytest.mark.parametrize(
    ("decision", "mask"), [("accept", "after"), ("keep-source", "before"), (None, "after")]
)
def test_what_nobody_has_decided_holds_the_guards_choice(decision, mask):
    review = Review(review_case(decision))
    np.testing.assert_array_equal(review.final, getattr(review.case, mask))
    assert review.progress("axial") == (0, 3), "the first slice is empty both times and needs no decision"


def test_a_decision_reaches_its_slice_alone():
    review = Review(review_case())
    review.decide("before", "coronal", [2], who="A. Reader")
    expected = review.case.after.copy()
    expected[:, 2] = review.case.before[:, 2]
    np.testing.assert_array_equal(review.final, expected)
    entry = review.choice("coronal", 2)
    assert (entry.kind, entry.who) == ("before", "A. Reader")
    assert entry.when.endswith("+00:00")
    assert review.choice("axial", 2) is None
    assert review.progress("coronal") == (1, 5)


def test_the_whole_volume_is_decided_in_every_plane_and_taken_back_by_one_undo():
    review = Review(review_case())
    review.decide("after", "axial", [1])
    review.decide("before", None)
    assert all(review.progress(plane)[0] == review.progress(plane)[1] for plane in PLANES)
    assert review.complete
    np.testing.assert_array_equal(review.final, review.case.before)
    assert review.undo().kind == "before"
    assert review.progress("axial") == (1, 3)
    np.testing.assert_array_equal(review.final, review.case.after)


def test_a_case_is_complete_when_one_plane_is():
    review = Review(review_case())
    review.decide("after", "sagittal", review.undecided("sagittal"))
    assert review.complete
    assert review.progress("axial") == (0, 3)


def test_an_edit_of_an_empty_slice_makes_it_one_to_decide():
    review = Review(review_case())
    review.final[2, 2, 0] = 1
    assert review.commit_edit("axial", "A. Reader") == (0,)
    assert review.choice("axial", 0).kind == "edited"
    assert review.progress("axial") == (1, 4)
    review.undo()
    assert review.final[2, 2, 0] == 0
    assert review.progress("axial") == (0, 3)


def test_a_stroke_that_changes_nothing_is_no_decision():
    review = Review(review_case())
    assert review.commit_edit("axial") == ()
    assert review.log == []


def test_flags_do_not_decide():
    review = Review(review_case())
    review.set_flag(True, "axial", [2], "vessel or tumor?", "A. Reader")
    review.set_flag(True, None, comment="ask the surgeon")
    assert review.flag("axial", 2).comment == "vessel or tumor?"
    assert review.volume_flag.comment == "ask the surgeon"
    assert review.progress("axial") == (0, 3)
    review.set_flag(False, "axial", [2])
    assert review.flag("axial", 2) is None
    review.undo()
    assert review.flag("axial", 2) is not None


def test_an_act_that_cannot_be_written_down_has_not_happened():
    def full_disk(*_: object) -> None:
        raise OSError("no space left")

    review = Review(review_case(), on_entry=full_disk)
    review.final[0, 0, 1] = 3 if review.final[0, 0, 1] != 3 else 1
    for attempt in (lambda: review.commit_edit("axial"), lambda: review.decide("before", None)):
        with pytest.raises(OSError, match="no space"):
            attempt()
        np.testing.assert_array_equal(review.final, review.case.after)
        assert review.log == []


def test_a_redo_is_gone_after_a_new_decision():
    review = Review(review_case())
    review.decide("before", "axial", [1])
    review.undo()
    review.decide("before", "axial", [2])
    assert review.redo() is None
    assert in_force(review.log)[0] == [2]


@pytest.mark.parametrize("slices", [[], [4], [-1]])
def test_there_is_no_such_slice(slices):
    with pytest.raises(ValueError, match="4 axial slices"):
        Review(review_case()).decide("after", "axial", slices)


@pytest.mark.parametrize("values", [{"kind": "accept"}, {"kind": "after", "plane": "oblique"},
                                    {"kind": "after", "plane": "axial", "slices": "1"}])  # fmt: skip
def test_a_log_that_is_none_is_said_to_be(values):
    with pytest.raises(CaseError, match="an entry that is not valid"):
        Entry.from_dict(values)


def test_planes_are_found_in_any_axis_order():
    turned = Grid((4, 6, 5), AFFINE[:, [2, 0, 1, 3]])
    assert plane_axes(turned) == {"axial": 0, "coronal": 2, "sagittal": 1}


def test_masks_of_another_grid_are_refused():
    with pytest.raises(CaseError, match="not of one case"):
        review_case(after=np.zeros((2, 2, 2), np.uint8))


def test_where_neither_mask_is_recommended_nothing_is_proposed():
    review = Review(review_case("neither"))
    assert not review.final.any()
    assert review.case.proposed is None
    assert review.progress("axial") == (0, 3), "every slice that a mask marks is still to be decided"
    review.decide("before", "axial", [1])
    np.testing.assert_array_equal(review.final[..., 1], review.case.before[..., 1])
    review.undo()
    assert not review.final.any()
