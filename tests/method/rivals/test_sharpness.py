from __future__ import annotations

import copy
import math

import pytest
import torch
from rival_parts import affine_of, norms
from torch import nn

from napari_osuda.method import adapt, preset
from napari_osuda.method.rivals.sharpness import Recovery, reliable, sharpness_aware_gradient


def test_sar_is_entropy_of_sure_pixels_at_the_worst_weights_near_by(unet, batches):
    """Written once more with torch's own BatchNorm and autograd: eqs. 2 to 6 of the paper."""
    judge = copy.deepcopy(unet).train()
    affine = affine_of(judge)
    optimizer = torch.optim.Adam(affine, lr=1e-3)
    margin = 0.9 * math.log(3)

    def entropy(x: torch.Tensor, among: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        p = judge(x).softmax(1)
        h = -(p * p.log()).sum(1)
        sure = (h < margin) & (torch.ones_like(h, dtype=torch.bool) if among is None else among)
        return h[sure].mean(), sure

    losses = []
    for t in range(4):
        loss, sure = entropy(batches[t % 3])
        assert 0 < sure.float().mean() < 1
        gradients = torch.autograd.grad(loss, affine)
        length = torch.stack([g.norm() for g in gradients]).norm()
        with torch.no_grad():
            for p, g in zip(affine, gradients, strict=True):
                p.add_(0.05 * g / length)
        worst, _ = entropy(batches[t % 3], sure)
        there = torch.autograd.grad(worst, affine)
        with torch.no_grad():
            for p, g, after in zip(affine, gradients, there, strict=True):
                p.sub_(0.05 * g / length)
                p.grad = after
        optimizer.step()
        losses.append(loss.item())
    adaptation = adapt(unet, batches, preset("sar", iterations=4, entropy_margin=0.9, recovery=0.0))
    assert [s.l_se for s in adaptation] == pytest.approx(losses, rel=1e-4)
    for ours, theirs in zip(norms(adaptation.model), norms(judge), strict=True):
        torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-4, atol=1e-5)


def test_sar_goes_back_to_the_source_where_one_class_has_won(unet, batches):
    config = preset("sar", iterations=3, entropy_margin=1.0, recovery=1.0, learning_rate=1e-2)
    adaptation = adapt(unet, batches, config)
    for step in adaptation:
        assert step.l_se < math.log(3)
        for ours, source in zip(norms(adaptation.model), norms(unet), strict=True):
            assert torch.equal(ours.weight, source.weight)


def test_where_no_pixel_is_sure_nothing_is_learned(unet, batches):
    adaptation = adapt(unet, batches, preset("sar", iterations=2, entropy_margin=1e-6, recovery=0.0))
    assert [s.l_se for s in adaptation] == [0, 0]
    assert torch.equal(norms(adaptation.model)[0].weight, norms(unet)[0].weight)


def test_a_pixel_is_reliable_below_its_share_of_the_largest_entropy():
    two, three = 0.5 * math.log(2), 0.5 * math.log(3)
    entropy = torch.tensor([0.0, two - 1e-9, two, three - 1e-9, three, 2.0], dtype=torch.float64)
    # A single channel is a choice between two classes.
    for classes in (1, 2):
        assert reliable(entropy, 0.5, classes).tolist() == [True, True, False, False, False, False]
    assert reliable(entropy, 0.5, 3).tolist() == [True, True, True, True, False, False]


def test_the_gradient_is_that_at_the_radius_along_the_first():
    """Of sum w^3, at w + rho g / |g| with g = 3 w^2."""
    w = [torch.tensor(v, dtype=torch.float64) for v in ([1.0, -2.0, 0.5], [0.25, 1.5])]
    parameters = [nn.Parameter(v.clone()) for v in w]
    still = nn.Parameter(torch.ones(2))

    def loss() -> torch.Tensor:
        return sum((p**3).sum() for p in parameters)

    loss().backward()
    there = sharpness_aware_gradient([*parameters, still], 0.3, loss)
    gradient = [3 * v**2 for v in w]
    length = math.sqrt(sum(float((g**2).sum()) for g in gradient))
    moved = [v + 0.3 * g / length for v, g in zip(w, gradient, strict=True)]
    assert float(there) == pytest.approx(sum(float((m**3).sum()) for m in moved), rel=1e-9)
    for p, v, m in zip(parameters, w, moved, strict=True):
        assert torch.equal(p.data, v)
        torch.testing.assert_close(p.grad, 3 * m**2, rtol=1e-9, atol=0)
    assert still.grad is None
    # A loss of nothing has no gradient there.
    assert sharpness_aware_gradient(parameters, 0.3, lambda: torch.tensor(0.25)) == 0.25
    assert [p.grad for p in parameters] == [None, None]


def test_the_moving_average_of_the_loss_decides_on_a_recovery():
    weight = nn.Parameter(torch.tensor([1.0]))
    recovery = Recovery([weight], 0.5)
    weight.data += 3.0
    limit = 0.5 * math.log(5)
    assert not recovery.saw(2.0, 5)
    assert not recovery.saw(0.5, 5)
    assert recovery.average == pytest.approx(0.9 * 2.0 + 0.1 * 0.5)
    recovery.average = None
    assert not recovery.saw(limit, 5)
    assert weight == 4.0
    assert recovery.saw(0.99 * limit, 5)
    assert weight == 1.0
    assert recovery.average is None
