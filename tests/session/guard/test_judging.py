from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from napari_osuda.method import preset
from napari_osuda.session import IterationReason, NoteKind, Progress, Recommendation, adapt_case
from napari_osuda.session.advice import Reason, ReasonKind
from napari_osuda.session.api import make_job
from napari_osuda.session.guard.judging import Judging
from napari_osuda.session.guard.wording import sentence
from napari_osuda.session.run.run import Run

# Steps so long that training changes the mask.
LONG = preset("osuda", iterations=2, batch_size=4, learning_rate=0.02, fallback=True)


@pytest.fixture
def guard_says(monkeypatch):
    """Let the guard say what a test wants, call by call; the last word stays."""

    def say(*words):
        left, told = list(words), []

        def recommend(*args, class_ratio_given):
            told.append(class_ratio_given)
            word = left.pop(0) if len(left) > 1 else left[0]
            return Recommendation(word, (Reason(ReasonKind.UNCLEAR),))

        monkeypatch.setattr("napari_osuda.session.guard.judging.recommend", recommend)
        return told

    return say


def weights(result):
    return torch.cat([tensor.flatten().double() for tensor in result.network.state_dict().values()])


def test_what_training_has_spoilt_gives_way_to_statistics_alone(model, case, tmp_path, guard_says):
    guard_says("accept")
    trained = adapt_case(model, case, LONG)
    statistics = adapt_case(model, case, LONG.replace(iterations=0))
    assert not np.array_equal(trained.cases[0].after, statistics.cases[0].after)
    assert trained.iteration is None
    guard_says("keep-source", "accept")
    events = []
    result = adapt_case(model, case, LONG, out=tmp_path / "run", on_event=events.append)
    np.testing.assert_array_equal(result.cases[0].after, statistics.cases[0].after)
    assert torch.equal(weights(result), weights(statistics))
    assert (result.iteration, result.iteration_reason) == (0, IterationReason.GUARD)
    assert len(result.reports) == 2
    assert [type(event).__name__ for event in events].count("After") == 1
    reason = sentence(Reason(ReasonKind.UNCLEAR))
    assert any(note.kind is NoteKind.FALLBACK and reason in note.text for note in result.notes)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["iteration_used"] == 0


def test_iteration_0_takes_nothing_from_a_run_that_ends_while_it_is_judged(
    model, case, tmp_path, guard_says, monkeypatch
):
    guard_says("accept")
    trained = adapt_case(model, case, LONG)
    guard_says("keep-source", "accept")
    # Memory runs out, or the person stops, once the trained masks are there.
    real, calls = Judging._untrained, []

    def failing(self, batches, stopping):
        calls.append(1)
        yield from real(self, batches, lambda: True)
        raise MemoryError

    monkeypatch.setattr(Judging, "_untrained", failing)
    result = adapt_case(model, case, LONG, out=tmp_path / "run")
    assert (result.outcome, result.iteration, len(calls)) == ("done", None, 1)
    np.testing.assert_array_equal(result.cases[0].after, trained.cases[0].after)
    assert torch.equal(weights(result), weights(trained))
    assert result.recommendation.decision == "keep-source"


def test_a_stop_while_iteration_0_is_judged_leaves_what_training_led_to(model, case, guard_says):
    guard_says("accept")
    trained = adapt_case(model, case, LONG)
    guard_says("keep-source", "accept")
    run = Run(make_job(model, case, LONG))
    statistics = 0
    for event in run:
        statistics += isinstance(event, Progress) and event.stage == "statistics" and event.done == 1
        if statistics == 2:
            run.stop()
    assert event.result.outcome == "stopped"
    np.testing.assert_array_equal(event.result.cases[0].after, trained.cases[0].after)
    assert torch.equal(weights(event.result), weights(trained))


def test_a_cohort_goes_back_only_where_all_of_it_is_refused(model, case, guard_says):
    two = [case, dataclasses.replace(case, name="other")]
    guard_says("accept", "keep-source", "accept")
    result = adapt_case(model, two, LONG)
    assert result.iteration is None
    assert [c.recommendation.decision for c in result.cases] == ["accept", "keep-source"]
    guard_says("keep-source", "keep-source", "keep-source", "accept")
    result = adapt_case(model, two, LONG)
    assert result.iteration == 0
    assert [c.recommendation.decision for c in result.cases] == ["keep-source", "accept"]


@pytest.mark.parametrize("changes", [{}, {"fallback": False}])
def test_where_nothing_passes_the_last_iteration_is_what_is_shown(model, case, guard_says, changes):
    guard_says("keep-source")
    config = LONG.replace(**changes)
    refused = adapt_case(model, case, config)
    guard_says("accept")
    trained = adapt_case(model, case, config)
    np.testing.assert_array_equal(refused.cases[0].after, trained.cases[0].after)
    assert torch.equal(weights(refused), weights(trained))
    assert refused.iteration is None
    assert refused.recommendation.decision == "keep-source"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, [False, False]),
        # Iteration 0 was pulled nowhere yet.
        ({"class_ratio": (0.9, 0.1)}, [True, False]),
        ({"class_ratio": (0.9, 0.1), "class_ratio_weight": 0.0}, [False, False]),
    ],
)
def test_the_guard_knows_of_a_class_ratio_that_was_told(model, case, guard_says, changes, told):
    heard = guard_says("keep-source", "accept")
    adapt_case(model, case, LONG.replace(**changes))
    assert heard == told


def test_without_training_the_entropy_osuda_is_its_iteration_0(model, case):
    """So the bench's rows of osuda-se tell what going back would do."""
    untrained = adapt_case(model, case, LONG.replace(iterations=0))
    without = adapt_case(model, case, preset("osuda-se", iterations=3, batch_size=4))
    np.testing.assert_array_equal(without.cases[0].after, untrained.cases[0].after)
    torch.testing.assert_close(weights(without), weights(untrained))
