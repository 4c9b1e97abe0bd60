from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_osuda.method import distance
from napari_osuda.method.transferability import WEIGHTINGS, transferability

vectors = st.lists(st.floats(0, 1e3), min_size=1, max_size=50)


@settings(deadline=None)
@given(vectors)
def test_alpha_has_mean_one_and_falls_with_distance(d):
    alpha = transferability(torch.tensor(d, dtype=torch.float64))
    assert float(alpha.mean()) == pytest.approx(1.0, abs=1e-6)
    order = torch.tensor(d).argsort()
    assert (alpha[order].diff() <= 1e-12).all()


@given(st.floats(0, 1e3), st.integers(1, 99))
def test_equal_distances_give_alpha_one_everywhere(d, n):
    torch.testing.assert_close(transferability(torch.full((n,), d)), torch.ones(n))


def test_distance_carries_no_gradient():
    mean = torch.randn(5, requires_grad=True)
    d = distance(torch.zeros(5), torch.ones(5), mean, torch.ones(5), torch.full((5,), 1e-5))
    assert not d.requires_grad


def test_the_functions_are_eq_5_to_the_digit():
    source_mean, source_var, mean, var, eps = torch.rand(5, 40, dtype=torch.float64) + torch.tensor(
        [0.5, 0.2, -0.5, 0.3, 0.01], dtype=torch.float64
    ).unsqueeze(1)
    expected = (source_mean / (source_var + eps) ** 0.5 - mean / (var + eps) ** 0.5).abs()
    d = distance(source_mean, source_var, mean, var, eps)
    torch.testing.assert_close(d, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(transferability(d), 40 / (1 + d) / (1 / (1 + d)).sum(), rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("weighting", "alpha"),
    [("transferability", [1.6, 0.8, 0.6]), ("uniform", [1.0] * 3), ("none", [0.0] * 3)],
)
def test_each_weighting_gives_its_alpha(weighting, alpha):
    d = torch.tensor([0.0, 1.0, 5.0 / 3.0])
    torch.testing.assert_close(WEIGHTINGS[weighting](d), torch.tensor(alpha))
