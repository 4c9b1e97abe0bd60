from __future__ import annotations

import copy
import math

import pytest
import torch
from rival_parts import affine_of, norms

from napari_osuda.method import adapt, preset


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
