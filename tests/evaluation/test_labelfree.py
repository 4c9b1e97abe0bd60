import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_osuda.evaluation import (
    agreement,
    class_fractions,
    consistency,
    flip_consistency,
    normalized_entropy,
)

logits = arrays(np.float32, (4, 5, 6), elements=st.floats(-30, 30, width=32))


def softmax(z):
    e = np.exp(z - z.max(axis=0))
    return e / e.sum(axis=0)


def test_class_fractions_within_the_brain():
    labels = np.array([0, 0, 0, 1, 1, 4])
    brain = np.array([0, 0, 1, 1, 1, 1], dtype=bool)
    assert class_fractions(labels, (0, 1, 2, 4)) == pytest.approx([3 / 6, 2 / 6, 0, 1 / 6])
    assert class_fractions(labels, (0, 1, 2, 4), brain) == pytest.approx([1 / 4, 2 / 4, 0, 1 / 4])
    assert class_fractions(labels, (0, 1), ~(labels >= 0)).tolist() == [0, 0]


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


@given(logits, st.sampled_from([1, 2, -1]), st.sampled_from(["softmax", "sigmoid"]))
def test_a_network_that_commutes_with_mirroring_is_consistent(z, axis, head):
    p = softmax(z) if head == "softmax" else 1 / (1 + np.exp(-z))
    result = flip_consistency(p, np.flip(p, axis), axis, head)
    assert result.overlap == pytest.approx(1, abs=1e-5)
    assert result.dice == 1


def test_background_does_not_hide_disagreement():
    p = np.zeros((2, 10, 10))
    p[0] = 1.0
    q = p.copy()
    p[:, 0, :4] = [[0.2], [0.8]]
    q[:, 0, 2:6] = [[0.4], [0.6]]
    result = consistency(p, q)
    # Six of 100 voxels are foreground in either: two in p alone, two in both, two in q alone.
    assert result.overlap == pytest.approx((2 * 0.2 + 2 * 0.8 + 2 * 0.4) / 6)
    assert result.dice == pytest.approx(2 * 2 / 8)


def test_sigmoid_channels_are_compared_one_by_one():
    p, q = np.zeros((2, 2, 1)), np.zeros((2, 2, 1))
    p[0, 0], q[0, 0], q[1, 0] = 0.9, 0.7, 0.6
    result = consistency(p, q, "sigmoid")
    assert result.overlap == pytest.approx((0.8 + 0.4) / 2)
    assert result.dice == pytest.approx(2 / 3)


def test_nothing_found_on_either_side_is_agreement():
    p = np.zeros((3, 4, 4))
    p[0] = 1
    result = consistency(p, p)
    assert (result.overlap, result.dice) == (1.0, 1.0)


def test_the_class_axis_cannot_be_mirrored():
    p = np.ones((1, 2, 2))
    with pytest.raises(ValueError, match="axis 0"):
        flip_consistency(p, p, -3)
