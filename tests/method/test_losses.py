from __future__ import annotations

import math

import method_reference as reference
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_osuda.method import hbs_loss, self_entropy
from napari_osuda.method.losses import hbs_step
from napari_osuda.method.transferability import transferability


@pytest.mark.parametrize("scale", [1.0, 100.0, 1e4])
def test_softmax_entropy_equals_the_reference_and_stays_finite(scale):
    logits = torch.randn(2, 4, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * scale
    ours = self_entropy(logits, "softmax").item()
    assert math.isfinite(ours)
    if scale == 1.0:
        assert ours == pytest.approx(reference.softmax_entropy(logits), rel=1e-12)
        assert float(self_entropy(logits.softmax(1), "none")) == pytest.approx(ours, rel=1e-12)


def test_sigmoid_entropy_has_both_terms():
    logits = torch.randn(2, 3, 5, 5, dtype=torch.float64)
    assert float(self_entropy(logits, "sigmoid")) == pytest.approx(
        reference.sigmoid_entropy(logits), rel=1e-12
    )
    # p and 1 - p are equally uncertain, which a single term would miss.
    assert float(self_entropy(-logits, "sigmoid")) == pytest.approx(float(self_entropy(logits, "sigmoid")))


def test_entropy_is_positive_and_largest_for_an_undecided_network():
    assert float(self_entropy(torch.zeros(1, 4, 2, 2), "softmax")) == pytest.approx(math.log(4))
    assert float(self_entropy(torch.zeros(1, 3, 2, 2), "sigmoid")) == pytest.approx(math.log(2))
    single = torch.full((1, 1, 2, 2), 0.5)
    assert float(self_entropy(single, "none")) == pytest.approx(math.log(2))


def test_entropy_of_certain_probabilities_has_a_finite_gradient():
    p = torch.tensor([[[[1.0]], [[0.0]]]], requires_grad=True)
    self_entropy(p, "none").backward()
    assert torch.isfinite(p.grad).all()


def test_hbs_is_the_literal_sum_and_flat_at_the_source():
    gamma, beta = torch.randn(6, dtype=torch.float64), torch.randn(6, dtype=torch.float64)
    source_gamma, source_beta = gamma + 0.1, beta.clone()
    alpha = transferability(torch.rand(6, dtype=torch.float64))
    gamma.requires_grad_()
    beta.requires_grad_()
    loss = hbs_loss(gamma, beta, source_gamma, source_beta, 1 + alpha)
    assert loss.item() == pytest.approx(
        reference.hbs(gamma.detach(), beta.detach(), source_gamma, source_beta, alpha), rel=1e-12
    )
    loss.backward()
    torch.testing.assert_close(gamma.grad, -(1 + alpha))
    assert (beta.grad == 0).all()


@settings(deadline=None)
@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(0, 3), st.floats(1e-4, 1.0))
def test_proximal_step_is_the_minimizer_of_its_objective(value, source, alpha, rate):
    """argmin_z (1 + alpha) |z - source| + (z - value)^2 / (2 rate), by its optimality conditions."""
    z = torch.tensor([value], dtype=torch.float64)
    hbs_step(
        z, torch.tensor([source], dtype=torch.float64), 1 + torch.tensor([alpha], dtype=torch.float64), rate
    )
    pull = (value - float(z)) / rate
    if abs(float(z) - source) > 1e-9:
        assert pull == pytest.approx((1 + alpha) * math.copysign(1, float(z) - source), rel=1e-6, abs=1e-6)
    else:
        assert abs(pull) <= (1 + alpha) * (1 + 1e-6) + 1e-6


def test_probabilities_a_little_above_one_have_no_entropy_below_zero():
    # Overlapping windows are averaged in float32.
    above, below = 1.0 + 1e-5, -1e-5
    assert float(self_entropy(torch.tensor([[[[above]], [[0.0]]]]), "none")) == pytest.approx(0.0, abs=1e-30)
    assert float(self_entropy(torch.tensor([[[[above, below]]]]), "none")) == pytest.approx(0.0, abs=1e-30)


def test_hbs_holds_beta_as_it_holds_gamma():
    zero, one, weight = torch.zeros(3), torch.ones(3), torch.tensor([1.0, 1.5, 2.0])
    assert float(hbs_loss(zero, 2 * one, zero, zero, weight)) == 9.0
    assert float(hbs_loss(one, -2 * one, zero, zero, weight)) == 13.5


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_entropy_of_half_precisions_is_float32(dtype):
    assert self_entropy(torch.zeros(1, 2, 2, 2, dtype=dtype), "softmax").dtype == torch.float32
