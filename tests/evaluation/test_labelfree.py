import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_osuda.evaluation import (
    coherence,
    largest_piece,
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


def test_coherence_is_dice_with_the_next_slice():
    mask = np.zeros((3, 2, 2), bool)
    mask[0, 0], mask[1, 0], mask[2, 1] = True, True, True
    assert coherence(mask) == pytest.approx(2 * 2 / (4 + 4))
    assert coherence(np.zeros((3, 2, 2), bool)) == 1.0


def test_the_largest_piece_is_connected_across_corners():
    mask = np.zeros((5, 5), bool)
    mask[0, 0] = mask[1, 1] = mask[4, 4] = True
    assert largest_piece(mask) == pytest.approx(2 / 3)
    assert largest_piece(np.zeros((5, 5), bool)) == 1.0
