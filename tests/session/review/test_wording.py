import pytest
from review_parts import review_case

from napari_osuda.session.review.log import Entry
from napari_osuda.session.review.slices import SliceWarning, WarningKind
from napari_osuda.session.review.tools.use import Scope, Tool, ToolUse
from napari_osuda.session.review.wording import (
    decision_words,
    missing_image,
    slice_list,
    undecided_words,
    use_words,
    warning_words,
)


@pytest.mark.parametrize("kind", list(WarningKind))
def test_each_warning_is_a_short_sentence_with_units(kind):
    said = warning_words(SliceWarning(kind, 120.0, 30.0, 0.25))
    assert said.endswith(".")
    assert len(said.split()) <= 25
    assert any(unit in said for unit in ("mm", "%", "times", "Dice"))


def test_a_slice_without_a_warning_says_nothing():
    assert warning_words(None) == ""


@pytest.mark.parametrize(
    ("steps", "said"),
    [([], ""), ([4], "4"), ([4, 5], "4, 5"), ([7, 4, 5, 6], "4 to 7"), ([1, 3, 4, 5, 9], "1, 3 to 5, 9")],
)
def test_slices_are_named_in_runs(steps, said):
    assert slice_list(steps) == said


def test_a_long_list_of_slices_stays_short():
    assert len(slice_list(range(0, 200, 2))) < 60


def test_what_undecided_slices_hold_follows_the_recommendation():
    assert "adapted" in undecided_words(review_case("accept"))
    assert "original" in undecided_words(review_case("keep-source"))
    assert "no label" in undecided_words(review_case("neither"))
    assert "recommended" not in undecided_words(review_case(None))


def test_decisions_and_missing_images_are_named():
    assert decision_words(None) == "undecided"
    assert decision_words(Entry("before")) == "use original"
    assert "open layer" in missing_image("t1", "case", None)
    assert "/a/b.nii" in missing_image("t1", "case", "/a/b.nii")


@pytest.mark.parametrize(
    ("use", "said"),
    [
        (ToolUse(Tool.REMOVE_ISLANDS, 2, Scope.VOLUME, ml=0.1), "under 0.1 ml (edema, volume in 3-D)"),
        (ToolUse(Tool.SMOOTH, None, Scope.SLICES, mm=1.5), "by 1.5 mm (all labels, each slice)"),
        (
            ToolUse(Tool.GROW, 3, mm=8, low=10, high=90.5, image="FLAIR"),
            "by up to 8 mm, FLAIR from 10 to 90.5 (label 3, one slice)",
        ),
        (ToolUse(Tool.PAINT_IN_RANGE, 2, low=1, high=2, image="T2"), ", T2 from 1 to 2 (edema)"),
        (ToolUse(Tool.INTERPOLATE), " (all labels)"),
    ],
)
def test_a_use_of_a_tool_is_told_with_its_parameters(use, said):
    assert use_words(use, {2: "edema"}) == use.tool.value + (said if said[0] in " ," else f" {said}")
