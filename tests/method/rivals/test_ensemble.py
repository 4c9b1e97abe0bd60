from __future__ import annotations

import copy
import math

import pytest
import torch
from rival_parts import OtherNorm, norms
from torch import nn

from napari_osuda.method import adapt, preset
from napari_osuda.method.rivals.ensemble import StatisticsEnsemble, balanced_entropy, entropy_weights


def test_intent_averages_the_predictions_under_six_mixes_by_their_entropy(unet, batches):
    """Written once more: statistics by train mode, mixes stored in the layers, weights by the formula."""
    x = batches[0][:2]
    given = adapt(unet, batches, preset("intent")).finish()(x).softmax(1)
    for i, image in enumerate(x):
        seen = []

        def note(module, args, seen=seen):
            seen.append((args[0].mean((0, 2, 3)), args[0].var((0, 2, 3), correction=0)))

        handles = [m.register_forward_pre_hook(note) for m in norms(unet)]
        with torch.no_grad():
            copy.deepcopy(unet).train()(image[None])
        for handle in handles:
            handle.remove()
        ps, doubts = [], []
        for share in (0, 0.2, 0.4, 0.6, 0.8, 1):
            judge = copy.deepcopy(unet).eval()
            for m, (mean, var) in zip(norms(judge), seen, strict=True):
                m.running_mean.lerp_(mean, share)
                m.running_var.lerp_(var, share)
            with torch.no_grad():
                p = judge(image[None]).softmax(1)[0]
            h, marked = -(p * p.log()).sum(0), p.argmax(0) != 0
            both = 0 < marked.float().mean() < 1
            doubts.append(float((h[marked].mean() + h[~marked].mean()) / 2 if both else h.mean()))
            ps.append(p)
        surest = torch.tensor([-d for d in doubts])
        weight = ((surest - surest.min()) / (surest.max() - surest.min())).softmax(0)
        expected = sum(w * p for w, p in zip(weight, ps, strict=True))
        torch.testing.assert_close(given[i], expected, rtol=1e-3, atol=1e-5)


def _bernoulli(p: torch.Tensor) -> torch.Tensor:
    return -(p * p.log() + (1 - p) * (1 - p).log())


@pytest.mark.parametrize(("activation", "channels"), [("sigmoid", 2), ("sigmoid", 1), ("none", 1)])
def test_foreground_and_background_of_each_channel_weigh_alike(activation, channels):
    output = torch.randn(1, channels, 3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    # A pixel that is exactly undecided is background.
    output[0, :, 0, 0] = 0.0
    p = output.sigmoid()
    expected = 0.0
    for q in p[0]:
        h, marked = _bernoulli(q), q > 0.5
        expected += float(h[marked].mean() + h[~marked].mean()) / 2 / channels
    given = p if activation == "none" else output
    assert float(balanced_entropy(given, activation)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("winner", [0, 1])
def test_an_image_of_one_side_alone_has_its_plain_mean(winner):
    output = torch.randn(1, 2, 3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).abs()
    output[:, 1 - winner] -= 9.0
    p = output.softmax(1)
    expected = -(p * p.log()).sum(1).mean()
    assert float(balanced_entropy(output, "softmax")) == pytest.approx(float(expected), rel=1e-6)


def test_foreground_is_every_class_but_the_first():
    output = torch.randn(1, 4, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) * 2
    p = output.softmax(1)
    h, marked = -(p * p.log()).sum(1)[0], p[0].argmax(0) > 0
    expected = (h[marked].mean() + h[~marked].mean()) / 2
    assert float(balanced_entropy(output, "softmax")) == pytest.approx(float(expected), rel=1e-6)
    # Of probabilities themselves as of logits.
    assert float(balanced_entropy(p, "none")) == pytest.approx(float(expected), rel=1e-6)


def test_the_surest_prediction_weighs_most_and_equal_ones_weigh_alike():
    doubt = torch.tensor([0.5, 0.1, 0.4], dtype=torch.float64)
    exps = [math.exp((0.5 - d) / 0.4) for d in doubt.tolist()]
    torch.testing.assert_close(entropy_weights(doubt), torch.tensor(exps, dtype=torch.float64) / sum(exps))
    assert entropy_weights(torch.full((4,), 0.2)).tolist() == [0.25] * 4
    # However little they differ.
    near = entropy_weights(torch.tensor([0.0, 1e-3], dtype=torch.float64))
    assert near[0] == pytest.approx(math.e / (1 + math.e))


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "none"])
def test_what_is_given_has_the_weighted_mean_of_the_probabilities(activation):
    """A network of one layer, so that each mix can be written down."""
    norm = nn.BatchNorm2d(2).eval().double()
    with torch.no_grad():
        norm.running_mean.copy_(torch.tensor([0.5, -1.0]))
        norm.running_var.copy_(torch.tensor([2.0, 0.3]))
    # Neither a layer that stores no statistics nor one that is no BN layer is touched.
    apart = nn.Sequential(nn.BatchNorm2d(2, track_running_stats=False, affine=False), OtherNorm(2)).double()
    squash = {"softmax": nn.Identity(), "sigmoid": nn.Identity(), "none": nn.Softmax(1)}[activation]
    x = torch.randn(2, 2, 4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 3 + 1
    given = StatisticsEnsemble(nn.Sequential(norm, apart, squash), activation)(x)
    turn = {"softmax": lambda y: y.softmax(1), "sigmoid": torch.sigmoid, "none": lambda y: y.softmax(1)}
    for i, image in enumerate(x):
        mean, var = image.mean((1, 2)), image.var((1, 2), correction=0)
        ps, doubts = [], []
        for share in (0, 0.2, 0.4, 0.6, 0.8, 1):
            m = (norm.running_mean + share * (mean - norm.running_mean))[:, None, None]
            v = (norm.running_var + share * (var - norm.running_var))[:, None, None]
            y = ((image - m) / (v + norm.eps).sqrt())[None]
            y = (y - y.mean((2, 3), keepdim=True)) / (y.var((2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
            y = apart[1](y)
            p = turn[activation](y)
            ps.append(p)
            doubts.append(balanced_entropy(p if activation == "none" else y, activation))
        weight = entropy_weights(torch.stack(doubts))
        expected = sum(w * p for w, p in zip(weight, ps, strict=True))
        p = given[i][None] if activation == "none" else turn[activation](given[i][None])
        torch.testing.assert_close(p, expected, rtol=1e-6, atol=1e-8)


def test_a_class_of_no_probability_has_a_finite_output():
    norm = nn.BatchNorm2d(2).eval()
    with torch.no_grad():
        norm.weight.fill_(1e4)
    x = torch.randn(1, 2, 4, 4)
    for activation in ("softmax", "sigmoid"):
        output = StatisticsEnsemble(norm, activation)(x).detach()
        assert bool(output.isfinite().all())
        assert float(output.min()) == pytest.approx(math.log(1e-6), rel=1e-3)
