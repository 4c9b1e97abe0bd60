import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_osuda.evaluation import (
    agreement,
    normalized_entropy,
)

logits = arrays(np.float32, (4, 5, 6), elements=st.floats(-30, 30, width=32))


def softmax(z):
    e = np.exp(z - z.max(axis=0))
    return e / e.sum(axis=0)


@given(logits)
def test_entropy_lies_between_certain_and_undecided(z):
    entropy = normalized_entropy(softmax(z))
    assert entropy.shape == (5, 6)
    assert entropy.dtype == np.float32
    assert np.all((entropy >= 0) & (entropy <= 1))


def test_entropy_at_its_ends_and_in_between():
    p = np.array([[1.0, 0.25, 0.5], [0, 0.25, 0.5], [0, 0.25, 0], [0, 0.25, 0]])
    assert normalized_entropy(p) == pytest.approx([0, 1, 0.5], abs=1e-6)
    q = np.array([[0.0, 0.5, 0.9], [1.0, 0.5, 0.5]])
    bernoulli = -(0.9 * np.log2(0.9) + 0.1 * np.log2(0.1))
    assert normalized_entropy(q, "sigmoid") == pytest.approx([0, 1, (bernoulli + 1) / 2], abs=1e-6)


def test_agreement_is_dice_of_each_region():
    before, after = np.array([0, 1, 1, 2, 4]), np.array([1, 1, 2, 2, 0])
    regions = {"WT": (1, 2, 4), "ET": (4,), "absent": (9,)}
    assert agreement(before, after, regions) == {"WT": pytest.approx(6 / 8), "ET": 0.0, "absent": 1.0}
