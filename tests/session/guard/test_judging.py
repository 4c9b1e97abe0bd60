from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest
import torch

from napari_osuda.method import preset
from napari_osuda.session import IterationReason, NoteKind, Progress, Recommendation, adapt_case
from napari_osuda.session.advice import Reason, ReasonKind
from napari_osuda.session.api import make_job
from napari_osuda.session.guard.judging import Judging
from napari_osuda.session.guard.recommendation import Judgment
from napari_osuda.session.guard.statistics import with_statistics
from napari_osuda.session.guard.wording import sentence
from napari_osuda.session.run.run import Run

# Steps so long that training changes the mask.
LONG = preset("osuda", iterations=2, batch_size=4, learning_rate=0.02, fallback=True)
FIGURES = {f"{when}_{name}": 0.5 for when in ("before", "after") for name in ("dice", "low", "high")}


@pytest.fixture
def guard_says(monkeypatch):
    """Let the guard say of each candidate what a test wants, call by call; the last word of each stays."""

    def say(**words):
        left = {"earlier": ["keep-source"]} | {name: list(said) for name, said in words.items()}
        told = []

        def judged(evidence, name, estimator, contrast):
            told.append(name)
            decision = left[name].pop(0) if len(left[name]) > 1 else left[name][0]
            gain = {"accept": 0.1, "best": 0.2}.get(decision, 0.0)
            word = {"best": "accept", "better": "keep-source"}.get(decision, decision)
            expected = 0.6 if decision == "better" else 0.5
            return Judgment(Recommendation(word, (Reason(ReasonKind.WORSE, FIGURES),)), gain, expected)

        monkeypatch.setattr("napari_osuda.session.guard.judging.judged", judged)
        return told

    return say


def weights_of(network):
    return torch.cat([tensor.flatten().double() for tensor in network.state_dict().values()])


def weights(result):
    return weights_of(result.network)


def test_what_training_has_spoilt_gives_way_to_statistics_alone(model, case, tmp_path, guard_says):
    guard_says(adapted=["accept"], statistics=["keep-source"])
    trained = adapt_case(model, case, LONG)
    statistics = adapt_case(model, case, LONG.replace(iterations=0))
    assert not np.array_equal(trained.cases[0].after, statistics.cases[0].after)
    assert trained.iteration is None
    guard_says(adapted=["keep-source"], statistics=["accept"])
    events = []
    result = adapt_case(model, case, LONG, out=tmp_path / "run", on_event=events.append)
    np.testing.assert_array_equal(result.cases[0].after, statistics.cases[0].after)
    assert torch.equal(weights(result), weights(statistics))
    assert (result.iteration, result.iteration_reason) == (0, IterationReason.GUARD)
    assert len(result.reports) == 2
    assert [type(event).__name__ for event in events].count("After") == 1
    reason = sentence(Reason(ReasonKind.WORSE, FIGURES)).removeprefix("The adapted mask ")
    assert any(note.kind is NoteKind.FALLBACK and reason in note.text for note in result.notes)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["iteration_used"] == 0


def test_iteration_0_takes_nothing_from_a_run_that_ends_while_it_is_judged(
    model, case, tmp_path, guard_says, monkeypatch
):
    guard_says(adapted=["accept"], statistics=["keep-source"])
    trained = adapt_case(model, case, LONG)
    guard_says(adapted=["keep-source"], statistics=["accept"])
    # Memory runs out, or the person stops, once the trained masks are there.
    real, calls = Judging._statistics, []

    def failing(self, network, share, stopping):
        calls.append(1)
        yield from real(self, network, share, lambda: True)
        raise MemoryError

    monkeypatch.setattr(Judging, "_statistics", failing)
    result = adapt_case(model, case, LONG, out=tmp_path / "run")
    assert (result.outcome, result.iteration, len(calls)) == ("done", None, 2)
    np.testing.assert_array_equal(result.cases[0].after, trained.cases[0].after)
    assert torch.equal(weights(result), weights(trained))
    assert result.recommendation.decision == "keep-source"


def test_a_stop_while_iteration_0_is_judged_leaves_what_training_led_to(model, case, guard_says):
    guard_says(adapted=["accept"], statistics=["keep-source"])
    trained = adapt_case(model, case, LONG)
    guard_says(adapted=["keep-source"], statistics=["accept"])
    run = Run(make_job(model, case, LONG))
    statistics = 0
    for event in run:
        statistics += isinstance(event, Progress) and event.stage == "statistics" and event.done == 1
        if statistics == 2:
            run.stop()
    assert event.result.outcome == "stopped"
    np.testing.assert_array_equal(event.result.cases[0].after, trained.cases[0].after)
    assert torch.equal(weights(event.result), weights(trained))


def test_a_cohort_has_the_network_whose_accepted_masks_promise_most(model, case, guard_says):
    two = [case, dataclasses.replace(case, name="other")]
    guard_says(adapted=["accept", "keep-source"], statistics=["keep-source", "accept"])
    result = adapt_case(model, two, LONG)
    assert result.iteration is None, "a draw is the adapted network's"
    assert [c.recommendation.decision for c in result.cases] == ["accept", "keep-source"]
    guard_says(adapted=["accept", "keep-source"], statistics=["keep-source", "best"])
    result = adapt_case(model, two, LONG)
    assert result.iteration == 0
    assert [c.recommendation.decision for c in result.cases] == ["keep-source", "accept"]


def test_of_two_that_are_accepted_the_better_one_is_taken(model, case, guard_says):
    guard_says(adapted=["accept"], statistics=["best"])
    assert adapt_case(model, case, LONG).iteration == 0
    guard_says(adapted=["best"], statistics=["accept"])
    assert adapt_case(model, case, LONG).iteration is None


def test_behind_a_map_the_mask_that_is_expected_to_be_best_is_shown(model, case, guard_says):
    for best in ("curve", "adapted"):
        said = {
            name: ["better" if name == best else "keep-source"] for name in ("adapted", "statistics", "curve")
        }
        guard_says(**said)
        result = adapt_case(model, case, LONG.replace(contrast="inverted"))
        assert result.recommendation.decision == "keep-source"
        assert torch.equal(weights(result), weights_of(model.network)) is (best == "curve")


@pytest.mark.parametrize("changes", [{}, {"fallback": False}])
def test_where_nothing_passes_the_last_iteration_is_what_is_shown(model, case, guard_says, changes):
    guard_says(adapted=["keep-source"], statistics=["keep-source"])
    config = LONG.replace(**changes)
    refused = adapt_case(model, case, config)
    guard_says(adapted=["accept"], statistics=["keep-source"])
    trained = adapt_case(model, case, config)
    np.testing.assert_array_equal(refused.cases[0].after, trained.cases[0].after)
    assert torch.equal(weights(refused), weights(trained))
    assert refused.iteration is None
    assert refused.recommendation.decision == "keep-source"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, ["adapted", "statistics"]),
        ({"fallback": False}, ["adapted"]),
        ({"iterations": 0}, ["adapted"]),
        ({"guard": False}, []),
    ],
)
def test_the_candidates_follow_from_the_settings(model, case, guard_says, changes, told):
    heard = guard_says(adapted=["accept"], statistics=["accept"])
    adapt_case(model, case, LONG.replace(**changes))
    assert [name for name in heard if name != "earlier"] == told


@pytest.mark.parametrize(
    ("settings", "made"),
    [
        ({"inference_statistics": "target"}, [None, 0.5]),
        ({"inference_statistics": "mixed", "source_prior": 0.5}, [None, 0.0]),
        ({"inference_statistics": "mixed", "source_prior": 0.9}, [None, 0.5, 0.0]),
    ],
)
def test_statistics_of_one_share_are_gathered_once(model, case, monkeypatch, settings, made):
    asked = []

    def counted(network, batches, config, card, share=None, *rest):
        asked.append(share)
        return with_statistics(network, batches, config, card, share, *rest)

    monkeypatch.setattr("napari_osuda.session.guard.judging.with_statistics", counted)
    result = adapt_case(model, case, LONG.replace(contrast="off", **settings))
    # A network of an earlier iteration is another one.
    earlier = "earlier" in result.cases[0].recommendation.signals["figures"]
    assert asked == [None] * earlier + made


def test_the_guard_judges_a_run_by_the_figures_of_all_candidates(model, case):
    events = []
    result = adapt_case(model, case, LONG, on_event=events.append)
    advice = result.cases[0].recommendation
    assert advice.decision in ("accept", "keep-source", "neither")
    figures = advice.signals["figures"]
    assert set(figures) - {"earlier"} == {"source", "adapted", "statistics"}
    assert figures["source"]["all labels"]["overlap"] == 1
    assert 0 <= advice.regions["all labels"].before.dice <= 1
    looked = [e for e in events if isinstance(e, Progress) and e.stage == "guard"]
    assert looked
    assert all(0 < e.done <= e.total for e in looked)


def test_without_training_the_entropy_osuda_is_its_iteration_0(model, case):
    """So the bench's rows of osuda-se tell what going back would do."""
    untrained = adapt_case(model, case, LONG.replace(iterations=0))
    without = adapt_case(model, case, preset("osuda-se", iterations=3, batch_size=4))
    np.testing.assert_array_equal(without.cases[0].after, untrained.cases[0].after)
    torch.testing.assert_close(weights(without), weights(untrained))


def test_the_last_iteration_with_half_of_its_foreground_is_a_candidate(model, case, guard_says, monkeypatch):
    """Where training has faded the mask without a collapse, what was there before can be the result."""
    shares = [0.2, 0.2, 0.05]
    share = "napari_osuda.session.guard.collapse.CollapseWatch._share"
    monkeypatch.setattr(share, lambda self, report: shares[report.t])
    heard = guard_says(adapted=["keep-source"], statistics=["accept"], earlier=["best"])
    result = adapt_case(model, case, LONG.replace(iterations=3))
    assert heard == ["adapted", "statistics", "earlier"]
    assert (result.iteration, result.iteration_reason) == (2, IterationReason.GUARD)
    stopped = adapt_case(model, case, LONG.replace(iterations=3, guard=False))
    assert not torch.equal(weights(result), weights(stopped))


def test_the_guards_progress_ends_at_its_total_and_counts_each_slice(model, case):
    """Or nearly so: where the image is not like its mirror image, one look falls away."""
    told = []
    adapt_case(
        model,
        case,
        preset("osuda", iterations=1, batch_size=4),
        on_event=lambda event: told.append(event) if getattr(event, "stage", "") == "guard" else None,
    )
    last = told[-1]
    assert 0.6 * last.total <= last.done <= last.total
    assert all(one.done < two.done for one, two in itertools.pairwise(told[:-1]))
