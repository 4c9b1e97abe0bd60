from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch
from test_mismatch import by_hooks
from torch import nn

from napari_osuda.errors import CaseError, ConfigError, NotAdaptableError
from napari_osuda.method.curve import ChannelCurve, IntensityCurve
from napari_osuda.method.curve_fit import CurveConfig, fit_curve


def as_it_is(z: torch.Tensor) -> torch.Tensor:
    return z


def negated(z: torch.Tensor) -> torch.Tensor:
    return -z


@pytest.fixture
def heads(batches) -> list[torch.Tensor]:
    masks = []
    for batch in batches:
        mask = torch.zeros(len(batch), 32, 32, dtype=torch.bool)
        mask[:, 5:27, 3:29] = True
        masks.append(mask)
    return masks


def loss_by_hooks(model: nn.Module, x: torch.Tensor, curve: IntensityCurve, begin, spread, config) -> float:
    """The objective as plainly as it is written, in float64."""
    with torch.no_grad():
        total = float(torch.stack([d.mean() for d in by_hooks(model, x)]).mean())
    for channel, first, s in zip(curve.channels, begin.channels, spread, strict=True):
        y, y0 = np.asarray(channel.y) / s, np.asarray(first.y) / s
        for k in range(1, len(y) - 1):
            total += config.smoothness * (y[k - 1] - 2 * y[k] + y[k + 1]) ** 2
        total += config.pull * float(((y - y0) ** 2).mean())
    return total


def test_loss_and_first_step_equal_the_reference(unet, batches, heads):
    """Adam's first step is learning_rate against the sign of the gradient: that of central differences."""
    model = copy.deepcopy(unet).double()
    batch, head = batches[0].double(), heads[0]
    config = CurveConfig(knots=5, steps=1, learning_rate=0.01, smoothness=0.03, pull=0.5)
    first, last = fit_curve(model, [batch], [head], (as_it_is, negated), config)
    spread = [float(batch[:, c][head].std(correction=0)) for c in range(2)]

    def reference(curve: IntensityCurve) -> float:
        return loss_by_hooks(model, curve(batch, head), curve, first.curve, spread, config)

    assert first.loss == pytest.approx(reference(first.curve), rel=1e-5)
    assert last.loss == pytest.approx(reference(last.curve), rel=1e-5)
    for c in range(2):
        for k in range(5):
            y = first.curve.channels[c].y
            sides = []
            for sign in (1, -1):
                moved = tuple(v + sign * 1e-5 * spread[c] * (j == k) for j, v in enumerate(y))
                channels = list(first.curve.channels)
                channels[c] = dataclasses.replace(channels[c], y=moved)
                sides.append(reference(IntensityCurve(tuple(channels))))
            step = (last.curve.channels[c].y[k] - y[k]) / spread[c]
            assert step == pytest.approx(-0.01 * np.sign(sides[0] - sides[1]), rel=1e-3)


def test_knots_are_quantiles_of_the_head_and_the_beginning_is_put_on_them(unet, batches, heads):
    first = next(fit_curve(unet, batches, heads, (as_it_is, negated), CurveConfig(knots=6)))
    for c, sign in enumerate((1, -1)):
        head = np.concatenate([x[:, c][h].numpy() for x, h in zip(batches, heads, strict=True)])
        shares = [0.005, 0.2, 0.4, 0.6, 0.8, 0.995]
        np.testing.assert_allclose(first.curve.channels[c].x, np.quantile(head, shares), rtol=1e-5)
        expected = sign * (np.asarray(first.curve.channels[c].x) - head.mean()) + head.mean()
        np.testing.assert_allclose(first.curve.channels[c].y, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scale", [1.0, 1000.0, 0.001])
def test_a_change_of_contrast_is_undone(scale):
    """The source's own images through a curve: the fit meets the statistics again, whatever the units."""
    torch.manual_seed(0)
    images = torch.rand(8, 1, 32, 32).pow(2)
    heads = torch.ones(8, 32, 32, dtype=torch.bool)
    network = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8)
    )
    network.train()
    network[0].weight.data /= scale
    for _ in range(100):
        network(images * scale)
    network.eval()
    seen = (images.sqrt() * 0.7 + 0.3) * scale
    *_, last = steps = list(
        fit_curve(network, [seen], [heads], (as_it_is,), CurveConfig(steps=40, smoothness=0.0))
    )
    assert last.mismatch < 0.25 * steps[0].mismatch
    undone = last.curve(seen, heads) / scale
    assert float((undone - images).abs().mean()) < 0.4 * float((seen / scale - images).abs().mean())


def test_the_pull_holds_it_where_it_began(unet, batches, heads):
    def moved(pull: float) -> float:
        *_, last = fit_curve(unet, batches, heads, (as_it_is, as_it_is), CurveConfig(pull=pull, steps=12))
        return max(float(np.abs(np.subtract(c.x, c.y)).max()) for c in last.curve.channels)

    assert moved(100.0) < 0.5 * moved(0.0)


def test_the_network_is_left_as_it_is_and_a_fit_repeats_itself(unet, batches, heads):
    before = copy.deepcopy(unet.state_dict())
    runs = [
        list(fit_curve(unet, batches, heads, (as_it_is, negated), CurveConfig(steps=4))) for _ in range(2)
    ]
    assert [step.curve for step in runs[0]] == [step.curve for step in runs[1]]
    assert [step.t for step in runs[0]] == [0, 1, 2, 3, 4]
    for name, value in unet.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(p.grad is None and p.requires_grad for p in unet.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in unet.modules())


def test_a_flat_channel_and_voxels_of_one_value_are_no_fault(unet, batches, heads):
    flat = [x.clone() for x in batches]
    for x in flat:
        x[:, 0] = 0.5
        x[:, 1] = x[:, 1].round()
    *_, last = fit_curve(unet, flat, heads, (as_it_is, as_it_is), CurveConfig(steps=3))
    assert np.isfinite([c.y for c in last.curve.channels]).all()


def test_volumes_are_fitted_as_slices_are(heads):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv3d(1, 3, 3), nn.BatchNorm3d(3), nn.ReLU()).eval()
    x = torch.randn(2, 1, 8, 10, 12)
    *_, last = steps = list(fit_curve(network, [x], [x[:, 0] > -1], (as_it_is,), CurveConfig(steps=6)))
    assert last.mismatch < steps[0].mismatch


def test_what_cannot_be_fitted_is_refused_with_a_sentence(unet, batches, heads):
    with pytest.raises(CaseError, match="no voxel of the image is head"):
        next(fit_curve(unet, batches, [torch.zeros_like(h) for h in heads], (as_it_is, as_it_is)))
    with pytest.raises(NotAdaptableError):
        next(fit_curve(nn.Conv2d(2, 1, 1), batches, heads, (as_it_is, as_it_is)))
    with pytest.raises(ConfigError, match="knots of the curve is 2; it must be 3 or more"):
        CurveConfig(knots=2)


def test_curve_of_a_step_is_the_one_that_was_measured(unet, batches, heads):
    whole = torch.cat(batches)
    head = torch.cat(heads)
    steps = list(fit_curve(unet, [whole], [head], (as_it_is, negated), CurveConfig(steps=3)))
    for step in steps:
        found = by_hooks(copy.deepcopy(unet).double(), step.curve(whole, head).double())
        assert step.mismatch == pytest.approx(torch.stack([d.mean() for d in found]).mean().item(), rel=1e-4)
    assert all(isinstance(c, ChannelCurve) for c in steps[0].curve.channels)
