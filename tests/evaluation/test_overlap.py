import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_osuda.evaluation import dice, precision, sensitivity, volume_ml

masks = arrays(bool, (3, 4, 5))


def mask(*indices):
    result = np.zeros(6, dtype=bool)
    result[list(indices)] = True
    return result


def test_known_overlap():
    prediction, reference = mask(0, 1, 2, 3), mask(2, 3, 4)
    assert dice(prediction, reference) == pytest.approx(4 / 7)
    assert sensitivity(prediction, reference) == pytest.approx(2 / 3)
    assert precision(prediction, reference) == pytest.approx(2 / 4)


@pytest.mark.parametrize("score", [dice, sensitivity, precision])
def test_both_empty_is_one_and_one_empty_is_zero(score):
    assert score(mask(), mask()) == 1.0
    assert score(mask(1), mask()) == 0.0
    assert score(mask(), mask(1)) == 0.0


@given(masks, masks)
def test_dice_is_the_harmonic_mean_of_sensitivity_and_precision(a, b):
    s, p = sensitivity(a, b), precision(a, b)
    expected = 0.0 if s + p == 0 else 2 * s * p / (s + p)
    assert dice(a, b) == dice(b, a) == pytest.approx(expected)


@given(masks, st.tuples(*[st.floats(0.1, 10)] * 3))
def test_volume_counts_voxels_in_millilitres(a, spacing):
    assert volume_ml(a, spacing) == pytest.approx(a.sum() * spacing[0] * spacing[1] * spacing[2] / 1000)
