from __future__ import annotations

import copy
import math

import pytest
import torch
from rival_parts import affine_of, norms
from torch import nn

from napari_osuda.method import adapt, preset
from napari_osuda.method.rivals.alignment import aligned_gradient, consistency_loss, strong_style, views


def test_grata_steps_by_the_consistency_as_far_as_it_agrees_with_the_entropy(unet, batches):
    """Written once more with torch's own BatchNorm and autograd."""
    judge = copy.deepcopy(unet).train()
    affine = affine_of(judge)
    optimizer = torch.optim.Adam(affine, lr=1e-3)
    turns = [
        (lambda x: x, lambda x: x),
        (lambda x: x.flip(2), lambda x: x.flip(2)),
        (lambda x: x.flip(3), lambda x: x.flip(3)),
        *((lambda x, k=k: x.rot90(k, (2, 3)), lambda x, k=k: x.rot90(-k, (2, 3))) for k in (1, 2, 3)),
    ]
    for t in range(3):
        x = batches[t % 3]
        p = judge(x).softmax(1)
        auxiliary = torch.autograd.grad(-(p * p.log()).sum(1).mean(), affine)
        with torch.no_grad():
            for value, g in zip(affine, auxiliary, strict=True):
                value.sub_(g)
            target = torch.stack([undo(judge(turn(x)).softmax(1)) for turn, undo in turns]).mean(0)
        styled = strong_style(x, torch.Generator().manual_seed(t))
        pseudo = torch.autograd.grad(-(target * judge(styled).log_softmax(1)).sum(1).mean(), affine)
        with torch.no_grad():
            for value, g, after in zip(affine, auxiliary, pseudo, strict=True):
                value.add_(g)
                value.grad = after
        a, b = (torch.cat([g.flatten() for g in each]) for each in (auxiliary, pseudo))
        cosine = float(a @ b / (a.norm() * b.norm()))
        optimizer.param_groups[0]["lr"] = 1e-3 * (1 + cosine) ** 2 / 4
        optimizer.step()
    adaptation = adapt(unet, batches, preset("grata", iterations=3))
    list(adaptation)
    # The steps are small beside the weights, so they are what is compared.
    for ours, theirs, source in zip(*map(norms, (adaptation.model, judge, unet)), strict=True):
        for name in ("weight", "bias"):
            a, b, before = (getattr(m, name).detach() for m in (ours, theirs, source))
            torch.testing.assert_close(a - before, b - before, rtol=1e-2, atol=5e-6)


def test_the_strong_style_is_contrast_then_brightness_then_noise_of_each_image():
    batch = torch.randn(3, 2, 4, 5, generator=torch.Generator().manual_seed(1))
    draws = torch.Generator().manual_seed(7)
    contrast, brightness = (torch.rand(3, 1, 1, 1, generator=draws) for _ in range(2))
    noise = torch.randn(3, 2, 4, 5, generator=draws)
    # From 0.7 to 1.3, from -0.3 to 0.3, and 0.1 of a standard score.
    expected = batch * (0.7 + 0.6 * contrast) + (0.6 * brightness - 0.3) + 0.1 * noise
    torch.testing.assert_close(strong_style(batch, torch.Generator().manual_seed(7)), expected)


@pytest.mark.parametrize("shape", [(2, 2, 4, 6), (2, 1, 5, 5), (1, 4, 3, 4, 4), (1, 2, 4, 4, 3)])
def test_the_views_are_mirrors_and_of_square_slices_quarter_turns(shape):
    x = torch.randn(shape)
    last = len(shape) - 1
    expected = [x, *(x.flip(axis) for axis in range(2, last + 1))]
    if shape[-1] == shape[-2]:
        expected += [x.rot90(k, (last - 1, last)) for k in (1, 2, 3)]
    seen = list(views(x))
    assert len(seen) == len(expected)
    for (turn, undo), wanted in zip(seen, expected, strict=True):
        assert torch.equal(turn(x), wanted)
        assert torch.equal(undo(wanted), x)


@pytest.mark.parametrize(
    ("activation", "channels"), [("softmax", 3), ("sigmoid", 2), ("none", 1), ("none", 3)]
)
def test_the_consistency_is_the_cross_entropy_with_soft_labels(activation, channels):
    output = torch.randn(2, channels, 3, 4, generator=torch.Generator().manual_seed(2)) * 2
    target = torch.rand(2, channels, 3, 4, generator=torch.Generator().manual_seed(3))
    if activation == "none":
        output = output.softmax(1) if channels > 1 else output.sigmoid()
    p = {"softmax": output.softmax(1), "sigmoid": output.sigmoid(), "none": output}[activation].double()
    if activation == "sigmoid" or channels == 1:
        expected = -(target * p.log() + (1 - target) * (1 - p).log()).mean()
    else:
        expected = -(target * p.log()).sum() / (2 * 3 * 4)
    assert float(consistency_loss(output, target, activation)) == pytest.approx(float(expected), rel=1e-5)


def test_a_class_of_no_probability_leaves_the_consistency_finite():
    sure = torch.tensor([1.0, 0.0])[None, :, None]
    assert consistency_loss(sure, sure, "none") == 0.0
    tiny = torch.finfo(torch.float32).tiny
    assert float(consistency_loss(sure, sure.flip(1), "none")) == pytest.approx(-math.log(tiny))
    # Probabilities that rounding has brought above 1.
    assert consistency_loss(sure * 1.5, sure, "none") == 0.0


def test_the_pseudo_gradient_is_followed_as_far_as_it_agrees_with_the_auxiliary_one():
    batch = torch.randn(2, 2, 4, 6, generator=torch.Generator().manual_seed(4))
    first, other = torch.tensor([0.5, -1.0]), torch.tensor([2.0])
    auxiliary = torch.tensor([0.3, 0.1]), torch.tensor([-0.4])
    weight, unused = nn.Parameter(first.clone()), nn.Parameter(other.clone())
    still = nn.Parameter(torch.ones(1))
    weight.grad, unused.grad = (g.clone() for g in auxiliary)

    def predict(x: torch.Tensor, w: torch.Tensor = weight) -> torch.Tensor:
        # Each pixel's neighbor counts, so that mirrored images have other outputs.
        return (x + 0.5 * x.roll(1, 3)) * w.view(1, 2, 1, 1)

    loss, rate = aligned_gradient(
        [weight, unused, still], batch, predict, "softmax", torch.Generator().manual_seed(5)
    )
    moved = (first - auxiliary[0]).requires_grad_()
    with torch.no_grad():
        seen = [predict(batch, moved).softmax(1)]
        seen += [predict(batch.flip(k), moved).softmax(1).flip(k) for k in (2, 3)]
    styled = strong_style(batch, torch.Generator().manual_seed(5))
    expected = -(sum(seen) / 3 * predict(styled, moved).log_softmax(1)).sum(1).mean()
    (pseudo,) = torch.autograd.grad(expected, moved)
    assert float(loss) == pytest.approx(expected.item(), rel=1e-6)
    torch.testing.assert_close(weight.grad, pseudo)
    assert unused.grad is None
    assert still.grad is None
    assert torch.equal(weight.data, first)
    assert torch.equal(unused.data, other)
    long = math.sqrt(sum(float((g**2).sum()) for g in auxiliary))
    cosine = float((auxiliary[0] * pseudo).sum()) / (long * float(pseudo.norm()))
    assert rate == pytest.approx((1 + cosine) ** 2 / 4, rel=1e-5)
