from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from review_parts import review_case

from napari_osuda.session.review.log import PLANES, Entry
from napari_osuda.widgets.cockpit.recommendations import RECOMMENDATION_MARKS
from napari_osuda.widgets.review import words

steps = st.lists(st.integers(0, 200), min_size=1, max_size=6, unique=True).map(sorted)


def test_slices_are_named_or_counted():
    assert words.where((7,), "axial") == "axial slice 7"
    assert words.where((7, 8), "coronal").startswith("2 coronal slices (")
    assert words.where((), None) == "the whole case"


@given(steps, st.sampled_from(PLANES), st.sampled_from(["after", "before", "edited", "flag", "unflag"]))
def test_what_was_done_undone_and_redone_is_one_sentence(slices, plane, kind):
    done = words.done(kind, slices, plane)
    assert done[0].isupper()
    assert done.endswith(".")
    entry = Entry(kind, plane, tuple(slices))
    assert words.stepped("undo", entry, slices) == f"Undone: {done[0].lower()}{done[1:]}"
    assert words.stepped("redo", entry, slices).startswith("Redone: ")


@given(steps, st.sampled_from(PLANES))
def test_a_question_names_what_would_be_lost(slices, plane):
    lost = words.decide_question("after", [*slices, 300], plane, slices)
    assert lost.startswith("Use adapted in ")
    assert "would be replaced" in lost
    assert "replaced" not in words.decide_question("after", [*slices, 300], plane, ())


def test_one_edited_slice_is_asked_about_by_its_number():
    asked = words.decide_question("before", [4], "axial", [4])
    assert asked == "Axial slice 4 is edited. Replace the edit with the original mask?"


@pytest.mark.parametrize(
    ("decided", "edited", "said"),
    [
        (0, False, "case?"),
        (1, False, "replaces 1 earlier decision."),
        (3, True, "All edits would be replaced."),
    ],
)
def test_the_whole_case_is_asked_about_with_what_it_costs(decided, edited, said):
    asked = words.whole_question("after", decided, edited)
    assert asked.endswith(said)
    assert ("decisions" in asked) == (decided > 1)


def test_undecided_slices_are_counted_before_saving():
    one, more = (words.save_question(review_case(), count, "axial") for count in (1, 2))
    assert "It holds" in one
    assert "They hold" in more
    assert "axial slice" in one
    assert one.endswith("Save anyway?")


def test_buttons_say_what_they_act_on_only_where_it_is_more_than_one_slice():
    assert words.target((3,), "axial") == ""
    assert words.target((3, 4), "axial").startswith("The buttons act on 2 axial slices")
    assert words.lapsed((), "axial") == ""
    assert words.lapsed((3,), "axial").endswith("needs a new decision.")


def test_the_current_slice_is_told_with_its_units():
    flag = Entry("flag", "axial", (3,), comment="look")
    assert words.position(3, 12.4, 1234, None, None) == "Slice 3, 12 mm: 1,234 voxels changed"
    assert words.position(3, 12.4, 1, 0.456, flag).endswith("uncertainty 0.46. Flagged: look")


def test_every_mode_and_every_recommendation_has_words():
    assert set(words.MEANINGS) <= {*words.MODES, "error"}
    for decision in ("accept", "keep-source", "neither", None):
        assert decision in RECOMMENDATION_MARKS
        assert words.headline(review_case(decision))
