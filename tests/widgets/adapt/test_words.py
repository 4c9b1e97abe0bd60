from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from napari_osuda.session import IterationReason
from napari_osuda.widgets.adapt import words


@pytest.mark.parametrize(
    ("stage", "seconds", "said"),
    [
        ("adapt", 125.0, "adapting, iteration 3 of 20, about 2 min left"),
        ("before", None, "segmenting with the source model, slice 3 of 20"),
        ("writing", 2.0, "writing the run folder, a few seconds left"),
        ("another stage", None, "another stage"),
    ],
)
def test_progress_is_the_stage_how_far_it_is_and_the_time_left(stage, seconds, said):
    progress = SimpleNamespace(stage=stage, done=3, total=20, seconds_left=seconds)
    assert words.progress_words(progress) == said


@pytest.mark.parametrize(
    ("iteration", "reason", "said"),
    [
        (None, None, "2 of 3 iterations"),
        (1, None, "2 of 3 iterations. The result is that of iteration 1"),
        (1, IterationReason.PERSON, "The result is that of iteration 1, as chosen"),
        (1, IterationReason.COLLAPSE, "iteration 1: after it, the segmentation collapsed"),
        (0, IterationReason.GUARD, "Training made it worse; only the image statistics were adjusted"),
    ],
)
def test_a_result_says_how_far_it_came_and_why_it_is_of_an_earlier_iteration(iteration, reason, said):
    result = SimpleNamespace(
        reports=(1, 2), job=SimpleNamespace(config=SimpleNamespace(iterations=3)), iteration=iteration,
        iteration_reason=reason, folder=None, cases=(),
    )  # fmt: skip
    assert said in words.result_words(result)
    result.folder = Path("runs/1")
    assert words.result_words(result).endswith("Saved in 1")


@pytest.mark.parametrize(
    ("candidate", "said"),
    [
        ("mirror", "the original model is used, averaged over the image and its mirror image"),
        ("curve", "only the intensities were converted"),
        ("statistics", "only the image statistics were adjusted"),
    ],
)
def test_what_is_used_in_place_of_the_trained_model_is_told(candidate, said):
    recommendation = SimpleNamespace(signals={"candidate": candidate})
    result = SimpleNamespace(
        reports=(1,), job=SimpleNamespace(config=SimpleNamespace(iterations=1)), iteration=0, folder=None,
        iteration_reason=IterationReason.GUARD, cases=(SimpleNamespace(recommendation=recommendation),),
    )  # fmt: skip
    assert said in words.result_words(result)


def test_closing_on_a_run_says_how_far_it_is_and_where_it_is_kept():
    cockpit = SimpleNamespace(
        controller=SimpleNamespace(job=None), history=[1, 2], case="patient7",
    )  # fmt: skip
    assert words.closing_words(cockpit) == ""
    cockpit.controller.job = SimpleNamespace(out="runs/1", config=SimpleNamespace(iterations=20))
    told = words.closing_words(cockpit)
    assert "patient7 is at iteration 2 of 20" in told
    assert "kept in runs/1" in told
    cockpit.controller.job.out, cockpit.history = None, None
    assert "iteration 0 of 20" in words.closing_words(cockpit)
    assert "kept" not in words.closing_words(cockpit)


def test_contrasts_that_stand_in_are_told_with_what_is_done():
    assert words.substitute_words({}, converted=True) == ""
    one = words.substitute_words({"t2": "FLAIR"}, converted=True)
    assert one == "FLAIR is used in place of T2. Its brightness is converted."
    two = words.substitute_words({"t2": "FLAIR", "t1": "T1CE"}, converted=False)
    assert two.endswith("Their brightness stays as it is.")


def test_what_there_is_nothing_to_say_of_is_not_said():
    assert words.folders_words(()) == ""
    assert words.unplaced_words(()) == ""
    assert "p7, p8" in words.folders_words(("p7", "p8"))
    assert words.missing_words(("t1", "t2")) == "choose the image for t1, t2"
    assert "12.5°" in words.tilt_words("scan", 12.46)


def test_slices_that_may_be_missing_are_asked_for():
    assert "3 mm thick and lie 6 mm apart. Are slices missing?" in words.gap_words("t2", 3.0, 6.0)
