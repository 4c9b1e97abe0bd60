from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch
from method_reference import mismatch_by_hooks
from torch import nn

from napari_osuda.errors import CaseError, ConfigError, NotAdaptableError
from napari_osuda.method.curve.beginnings import begin_curve
from napari_osuda.method.curve.curve import ChannelCurve, IntensityCurve
from napari_osuda.method.curve.fit import CurveConfig, fit_curve
from napari_osuda.method.curve.mismatch import layer_mismatch
from napari_osuda.method.layers import bind_layers

AS_IT_IS, NEGATED = "identity", "negated"


def as_float32(curve: IntensityCurve) -> IntensityCurve:
    return IntensityCurve(
        tuple(
            ChannelCurve(*(tuple(np.asarray(k, np.float32).astype(float).tolist()) for k in (c.x, c.y)))
            for c in curve.channels
        )
    )


def loss_by_hooks(model: nn.Module, x: torch.Tensor, curve: IntensityCurve, begin, spread, config) -> float:
    """The objective as plainly as it is written, in float64."""
    with torch.no_grad():
        total = float(torch.stack([d.mean() for d in mismatch_by_hooks(model, x)]).mean())
    for channel, first, s in zip(curve.channels, begin.channels, spread, strict=True):
        y0 = np.asarray(first.y) / s
        y = np.asarray(channel.y) / s - y0
        for k in range(1, len(y) - 1):
            total += config.smoothness * (y[k - 1] - 2 * y[k] + y[k + 1]) ** 2
        total += config.pull * float((y**2).mean())
    return total


def test_loss_and_first_step_equal_the_reference(unet, batches, heads):
    """Adam's first step is learning_rate against the sign of the gradient: that of central differences."""
    model = copy.deepcopy(unet).double()
    batch, head = batches[0].double(), heads[0]
    config = CurveConfig(steps=1, learning_rate=0.01, smoothness=0.03, pull=0.5)
    begin = begin_curve([batch], [head], (AS_IT_IS, NEGATED))
    first, last = fit_curve(model, [batch], [head], begin, config)
    assert first.curve == as_float32(begin)
    spread = [float(batch[:, c][head].std(correction=0)) for c in range(2)]

    def reference(curve: IntensityCurve) -> float:
        return loss_by_hooks(model, curve(batch, head), curve, first.curve, spread, config)

    assert first.loss == pytest.approx(reference(first.curve), rel=1e-5)
    assert last.loss == pytest.approx(reference(last.curve), rel=1e-5)
    for c in range(2):
        for k in range(13):
            y = first.curve.channels[c].y
            sides = []
            for sign in (1, -1):
                moved = tuple(v + sign * 1e-5 * spread[c] * (j == k) for j, v in enumerate(y))
                channels = list(first.curve.channels)
                channels[c] = dataclasses.replace(channels[c], y=moved)
                sides.append(reference(IntensityCurve(tuple(channels))))
            step = (last.curve.channels[c].y[k] - y[k]) / spread[c]
            assert step == pytest.approx(-0.01 * np.sign(sides[0] - sides[1]), rel=1e-3)


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
        fit_curve(
            network,
            [seen],
            [heads],
            begin_curve([seen], [heads], (AS_IT_IS,)),
            CurveConfig(steps=40, smoothness=0.0),
        )
    )
    assert last.mismatch < 0.25 * steps[0].mismatch
    undone = last.curve(seen, heads) / scale
    assert float((undone - images).abs().mean()) < 0.4 * float((seen / scale - images).abs().mean())


def test_the_pull_holds_it_where_it_began(unet, batches, heads):
    def moved(pull: float) -> float:
        *_, last = fit_curve(
            unet,
            batches,
            heads,
            begin_curve(batches, heads, (AS_IT_IS,) * 2),
            CurveConfig(pull=pull, steps=12),
        )
        return max(float(np.abs(np.subtract(c.x, c.y)).max()) for c in last.curve.channels)

    assert moved(100.0) < 0.5 * moved(0.0)


def test_the_network_is_left_as_it_is_and_a_fit_repeats_itself(unet, batches, heads):
    before = copy.deepcopy(unet.state_dict())
    runs = [
        list(
            fit_curve(
                unet, batches, heads, begin_curve(batches, heads, (AS_IT_IS, NEGATED)), CurveConfig(steps=4)
            )
        )
        for _ in range(2)
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
    *_, last = fit_curve(unet, flat, heads, begin_curve(flat, heads, (AS_IT_IS,) * 2), CurveConfig(steps=3))
    assert np.isfinite([c.y for c in last.curve.channels]).all()


def test_volumes_are_fitted_as_slices_are(heads):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv3d(1, 3, 3), nn.BatchNorm3d(3), nn.ReLU()).eval()
    x = torch.randn(2, 1, 8, 10, 12)
    head = x[:, 0] > -1
    *_, last = steps = list(
        fit_curve(network, [x], [head], begin_curve([x], [head], (AS_IT_IS,)), CurveConfig(steps=6))
    )
    assert last.mismatch < steps[0].mismatch


def test_what_cannot_be_fitted_is_refused_with_a_sentence(unet, batches, heads):
    begin = begin_curve(batches, heads, (AS_IT_IS,) * 2)
    with pytest.raises(CaseError, match="no voxel of the image is head"):
        next(fit_curve(unet, batches, [torch.zeros_like(h) for h in heads], begin))
    with pytest.raises(NotAdaptableError):
        next(fit_curve(nn.Conv2d(2, 1, 1), batches, heads, begin))
    with pytest.raises(ConfigError, match="steps of the curve is -1; it must be 0 or more"):
        CurveConfig(steps=-1)


def test_curve_of_a_step_is_the_one_that_was_measured(unet, batches, heads):
    whole = torch.cat(batches)
    head = torch.cat(heads)
    steps = list(
        fit_curve(
            unet, [whole], [head], begin_curve([whole], [head], (AS_IT_IS, NEGATED)), CurveConfig(steps=3)
        )
    )
    for step in steps:
        found = mismatch_by_hooks(copy.deepcopy(unet).double(), step.curve(whole, head).double())
        assert step.mismatch == pytest.approx(torch.stack([d.mean() for d in found]).mean().item(), rel=1e-4)
    assert all(isinstance(c, ChannelCurve) for c in steps[0].curve.channels)


@pytest.mark.parametrize(
    ("name", "least", "beyond"),
    [("steps", 0, -1), ("learning_rate", 1e-9, 0.0), ("smoothness", 0.0, -1e-9), ("pull", 0.0, -1e-9),
     ("depth", 1e-9, 0.0), ("depth", 1.0, 1.001)],
)  # fmt: skip
def test_the_ends_of_the_ranges(name, least, beyond):
    assert getattr(CurveConfig(**{name: least}), name) == least
    with pytest.raises(ConfigError, match=f"{name} of the curve is"):
        CurveConfig(**{name: beyond})


def mismatch_of(network, layers, x) -> float:
    return torch.stack([d.mean() for d in layer_mismatch(network, layers, x)]).mean().item()


@pytest.mark.parametrize("depth", [1e-9, 0.5, 1.0])
def test_of_the_layers_those_that_run_first_count(unet, batches, heads, depth):
    begin = begin_curve(batches, heads, (AS_IT_IS,) * 2)
    layers = bind_layers(unet, batches[0])
    count = {1e-9: 1, 0.5: len(layers) // 2, 1.0: len(layers)}[depth]
    step = next(fit_curve(unet, batches, heads, begin, CurveConfig(depth=depth)))
    assert step.mismatch == pytest.approx(mismatch_of(unet, layers[:count], batches[0]), rel=1e-4)


def test_the_batches_take_turns(unet, batches, heads):
    begin = begin_curve(batches, heads, (AS_IT_IS,) * 2)
    layers = bind_layers(unet, batches[0])
    expected = [mismatch_of(unet, layers, x) for x in batches]
    steps = list(fit_curve(unet, batches, heads, begin, CurveConfig(steps=4, learning_rate=1e-9)))
    assert [step.mismatch for step in steps] == pytest.approx([expected[t % 3] for t in range(5)], rel=1e-4)
    assert all(0 < step.seconds < 60 for step in steps)


def test_what_is_fitted_where_nothing_is_asked_for():
    assert dataclasses.asdict(CurveConfig()) == {
        "steps": 24,
        "learning_rate": 0.08,
        "smoothness": 0.02,
        "pull": 0.0,
        "depth": 1.0,
    }
