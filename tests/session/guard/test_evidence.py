from __future__ import annotations

import copy
import dataclasses

import pytest

from napari_osuda.imaging import SliceStack
from napari_osuda.session.guard.evidence import Candidate, each_as, gathered, looks_at, result_of
from napari_osuda.session.guard.looking import LOOKED_AT
from napari_osuda.session.guard.passes import WHOLE, seen_by
from napari_osuda.session.inference.case_slices import slice_spec
from napari_osuda.session.inference.outputs import Outputs
from napari_osuda.session.inference.prediction import predicted


def end(work):
    """What a generator returns, and how often it has yielded."""
    parts = []
    return result_of(each_as(work, parts.append)), len(parts)


@pytest.fixture
def seen(model, case):
    source = model.network.eval()
    stack = SliceStack(case, slice_spec(model.card))
    candidates = [Candidate("adapted", copy.deepcopy(source)), Candidate("earlier", copy.deepcopy(source))]
    return end(gathered(source, candidates, [copy.deepcopy(source)], stack, stack, model.card))


def test_every_candidate_has_figures_of_the_whole_and_of_each_region(seen, model):
    found, batches = seen
    assert set(found) == {"source", "adapted", "earlier"}
    assert batches > 0
    for regions in found.values():
        assert next(iter(regions)) == WHOLE


def test_the_same_network_agrees_with_itself(seen):
    found, _ = seen
    adapted = found["adapted"][WHOLE]
    assert adapted.overlap == adapted.others == 1.0
    assert adapted.growth == 0.0
    assert adapted.share == found["source"][WHOLE].share > 0


def test_what_is_known_of_the_image_as_it_is_need_not_be_seen_again(model, case, seen):
    source = model.network.eval()
    stack = SliceStack(case, slice_spec(model.card))
    known, _ = end(seen_by(source, stack, model.card))
    candidates = [Candidate("adapted", copy.deepcopy(source)), Candidate("earlier", copy.deepcopy(source))]
    work = gathered(source, candidates, [copy.deepcopy(source)], stack, stack, model.card, as_it_is=known)
    found, batches = end(work)
    assert found == seen[0]
    assert batches < seen[1]


def test_a_case_of_many_slices_is_looked_at_in_some_of_them(model, case, seen, monkeypatch):
    source = model.network.eval()
    stack = SliceStack(case, slice_spec(model.card))
    candidates = [Candidate("adapted", copy.deepcopy(source)), Candidate("earlier", copy.deepcopy(source))]
    given = (source, candidates, [copy.deepcopy(source)])
    monkeypatch.setattr("napari_osuda.session.guard.evidence.LOOKED_AT", 3)
    few = stack.thinned(3)
    monkeypatch.setattr("napari_osuda.session.guard.evidence.LOOKED_AT", 100)
    by_hand, _ = end(gathered(*given, few, few, model.card))
    monkeypatch.setattr("napari_osuda.session.guard.evidence.LOOKED_AT", 3)
    found, _ = end(gathered(*given, stack, stack, model.card))
    for name, regions in by_hand.items():
        for region, figures in regions.items():
            # The distance is that of the whole case either way.
            assert found[name][region] == dataclasses.replace(figures, distance=found[name][region].distance)


def test_no_patient_that_the_estimator_was_fitted_on_is_thinned():
    assert LOOKED_AT >= 71


def test_what_the_source_network_put_out_before_is_not_asked_again(model, case, seen):
    source = model.network.eval()
    stack = SliceStack(case, slice_spec(model.card))
    candidates = [Candidate("adapted", copy.deepcopy(source)), Candidate("earlier", copy.deepcopy(source))]
    given = (source, candidates, [copy.deepcopy(source)], stack, stack, model.card)
    outputs = Outputs()
    for _ in predicted(source, stack, model.card, keep=outputs.keeping(source, stack, "straight")):
        pass
    assert looks_at(*given, known=outputs.known_slices) == looks_at(*given) - stack.foreground.sum()
    found, batches = end(gathered(*given, outputs=outputs))
    assert found == seen[0]
    assert batches < seen[1]
    for candidate in candidates:
        assert len(outputs.known(candidate.network, stack, "straight")) == stack.foreground.sum()


def test_a_generator_is_passed_on_part_by_part_with_what_it_returns():
    def work():
        yield 1
        yield 2
        return "done"

    passed = []

    def outer():
        passed.append((yield from each_as(work(), str)))

    assert list(outer()) == ["1", "2"]
    assert passed == [result_of(work())] == ["done"]
