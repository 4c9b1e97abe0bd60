from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.benchmark.guard.worth import area_under_risk


def test_a_perfect_order_has_the_smallest_area():
    losses = [0.0, 0.0, 1.0, 1.0]
    best = area_under_risk([4, 3, 2, 1], losses)
    assert best == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)
    assert area_under_risk([1, 2, 3, 4], losses) == pytest.approx((1 + 1 + 2 / 3 + 1 / 2) / 4)


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 1)), min_size=1))
def test_it_lies_between_the_best_and_the_worst_order(cases):
    scores, losses = zip(*cases, strict=True)
    found = area_under_risk(scores, losses)
    best = area_under_risk([-loss for loss in losses], losses)
    worst = area_under_risk(losses, losses)
    assert best - 1e-9 <= found <= worst + 1e-9
