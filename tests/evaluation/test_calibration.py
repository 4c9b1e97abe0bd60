import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_osuda.evaluation import CalibrationTally


def of(p, truth, head="softmax", within=None):
    tally = CalibrationTally(head)
    tally.add(p, truth, np.ones(p.shape[1:], bool) if within is None else within)
    return tally.result()


def test_right_as_often_as_sure_is_an_error_of_nothing():
    p = np.tile(np.array([[0.75], [0.25]]), (1, 8))
    truth = np.array([[True] * 6 + [False] * 2, [False] * 6 + [True] * 2])
    found = of(p, truth)
    assert found.ece == pytest.approx(0, abs=1e-9)
    assert found.overconfidence == pytest.approx(0, abs=1e-9)
    assert found.brier == pytest.approx(0.75 * 2 * 0.25**2 + 0.25 * 2 * 0.75**2)


def test_sure_and_wrong_is_the_worst():
    p = np.array([[1.0, 1.0], [0.0, 0.0]])
    truth = np.array([[False, False], [True, True]])
    found = of(p, truth)
    assert (found.ece, found.brier, found.overconfidence) == (1, 2, 1)


def test_an_unsure_network_that_is_right_is_underconfident():
    p = np.array([[0.6] * 4, [0.4] * 4])
    found = of(p, np.array([[True] * 4, [False] * 4]))
    assert found.overconfidence == pytest.approx(-0.4)
    assert found.ece == pytest.approx(0.4)


def test_channels_of_a_sigmoid_are_pooled():
    p = np.array([[0.9, 0.2], [0.1, 0.6]])
    truth = np.array([[True, False], [False, False]])
    found = of(p, truth, "sigmoid")
    assert found.brier == pytest.approx(np.mean([0.01, 0.04, 0.01, 0.36]))
    # Confidences 0.9, 0.8, 0.9 are right, 0.6 is wrong.
    assert found.ece == pytest.approx((0.1 + 0.2 + 0.1 + 0.6) / 4)


def test_only_voxels_within_count_and_batches_add_up():
    rng = np.random.default_rng(0)
    p = rng.dirichlet((1, 1, 1), (6, 5)).transpose(2, 0, 1)
    truth = np.eye(3, dtype=bool)[rng.integers(0, 3, (6, 5))].transpose(2, 0, 1)
    within = rng.random((6, 5)) > 0.4
    whole = of(p, truth, within=within)
    assert whole.voxels == within.sum()
    tally = CalibrationTally()
    for row in range(6):
        tally.add(p[:, row], truth[:, row], within[row])
    parts = tally.result()
    assert parts.ece == pytest.approx(whole.ece)
    assert parts.brier == pytest.approx(whole.brier)
    assert sum(parts.share) == pytest.approx(1)


def test_nothing_counted_is_no_score():
    assert CalibrationTally().result() is None


@given(arrays(np.float64, 20, elements=st.floats(0, 1)), arrays(bool, 20))
def test_scores_stay_within_their_bounds(p, yes):
    found = of(np.stack([1 - p, p]), np.stack([~yes, yes]))
    assert 0 <= found.ece <= 1
    assert 0 <= found.brier <= 2
    assert abs(found.overconfidence) <= found.ece + 1e-9
