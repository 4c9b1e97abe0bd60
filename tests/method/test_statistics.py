from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from napari_osuda.method import AdaptationConfig, adapt, preset, statistics
from napari_osuda.method.computing.distributed import Processes
from napari_osuda.method.layers import bind_layers
from napari_osuda.method.statistics import (
    Moments,
    Observed,
    source_distance,
    source_share,
    store_pooled_statistics,
)


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 29), max_size=6, unique=True),
    order=st.randoms(use_true_random=False),
    shift=st.floats(-1e3, 1e3),
    seed=st.integers(0, 2**16),
)
def test_moments_equal_numpys_whatever_the_cut_and_the_order(cuts, order, shift, seed):
    values = np.random.default_rng(seed).normal(shift, 2.0, (30, 3))
    parts = [p for p in np.split(values, sorted(cuts)) if len(p)]
    order.shuffle(parts)
    moments = Moments()
    for part in parts:
        moments.add(len(part), torch.from_numpy(part.mean(0)), torch.from_numpy(part.var(0)))
    np.testing.assert_allclose(moments.mean, values.mean(0), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(moments.var, values.var(0), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    ("settings", "share"),
    [
        ({"inference_statistics": "target"}, 0.0),
        ({"inference_statistics": "running"}, 1.0),
        ({"inference_statistics": "mixed", "source_prior": 0.3}, 0.3),
        # N / (N + n) of Schneider et al.: 6 slices of the source beside 2 + 1 of the target.
        ({"inference_statistics": "mixed", "source_count": 6}, 6 / 9),
    ],
)
def test_the_share_of_the_source_is_what_the_settings_say(settings, share):
    batches = [torch.zeros(2, 1, 4, 4), torch.zeros(1, 1, 4, 4)]
    assert source_share(AdaptationConfig(**settings), batches) == pytest.approx(share)


def inputs_of_norms(model: nn.Module, target: torch.Tensor) -> dict[str, np.ndarray]:
    """What each BatchNorm of a model in eval mode receives, by forward hooks."""
    seen: dict[str, np.ndarray] = {}
    handles = [
        module.register_forward_pre_hook(lambda _, args, name=name: seen.update({name: args[0].numpy()}))
        for name, module in model.named_modules()
        if isinstance(module, nn.BatchNorm2d)
    ]
    with torch.no_grad():
        model(target)
    for handle in handles:
        handle.remove()
    return seen


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("size", [1, 4, 11])
def test_stored_statistics_are_those_of_the_whole_target(unet, batches, at_once, size, monkeypatch):
    if not at_once:
        monkeypatch.setattr(statistics, "_AT_ONCE", 0)
    whole = torch.cat(batches).double()
    order = torch.randperm(len(whole), generator=torch.Generator().manual_seed(size))
    model = copy.deepcopy(unet).double()
    adapted = adapt(model, list(whole[order].split(size)), preset("adabn")).finish()
    for name, x in inputs_of_norms(adapted, whole).items():
        norm = adapted.get_submodule(name)
        np.testing.assert_allclose(norm.running_mean, x.mean((0, 2, 3)), rtol=1e-8, atol=1e-9, err_msg=name)
        np.testing.assert_allclose(norm.running_var, x.var((0, 2, 3)), rtol=1e-8, atol=1e-9, err_msg=name)


def test_pooled_is_one_train_mode_pass_of_the_whole_target(unet, batches):
    whole = torch.cat(batches)
    adapted = adapt(unet, batches, preset("adabn")).finish()
    expected = copy.deepcopy(unet).train()(whole)
    torch.testing.assert_close(adapted(whole), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("at_once", [True, False])
def test_mixed_lies_between_source_and_target(unet, batches, at_once, monkeypatch):
    if not at_once:
        monkeypatch.setattr(statistics, "_AT_ONCE", 0)
    config = preset("adabn", inference_statistics="mixed", source_prior=0.25)
    adapted = adapt(unet, batches, config).finish()
    first = unet.encoders[0][0](torch.cat(batches))
    norm, source = adapted.encoders[0][1], unet.encoders[0][1]
    torch.testing.assert_close(norm.running_mean, 0.25 * source.running_mean + 0.75 * first.mean((0, 2, 3)))
    expected = 0.25 * source.running_var + 0.75 * first.var((0, 2, 3), correction=0)
    torch.testing.assert_close(norm.running_var, expected)


def test_source_statistics_stay(unet, batches):
    adapted = adapt(unet, batches, preset("osuda-se", iterations=2, inference_statistics="source")).finish()
    for key, value in unet.state_dict().items():
        assert torch.equal(adapted.state_dict()[key], value), key


def test_source_distance_is_eq_5_in_the_networks_own_flow():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2)
    )
    for norm in (network[1], network[4]):
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    network.eval()
    x = torch.randn(4, 1, 12, 12)
    expected = []
    y = x.double()
    for layer in network.double():
        if isinstance(layer, nn.BatchNorm2d):
            mean, var = y.mean((0, 2, 3)), y.var((0, 2, 3), unbiased=False)
            source = layer.running_mean / (layer.running_var + layer.eps).sqrt()
            expected.append((source - mean / (var + layer.eps).sqrt()).abs())
        y = layer(y)
    network.float()
    before = copy.deepcopy(network.state_dict())
    torch.testing.assert_close(
        source_distance(network, x).double(), torch.cat(expected), rtol=1e-4, atol=1e-5
    )
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
    assert source_distance(nn.Conv2d(1, 1, 1).eval(), x) is None


@dataclass(frozen=True)
class WithAnother(Processes):
    """Two processes, of which the other says what it was given to say."""

    other: torch.Tensor | None = None

    def gathered(self, value):
        return torch.stack((self.other, value))


@pytest.mark.parametrize("own", [0, 1, 5])
def test_moments_of_two_processes_are_those_of_all_their_values(own):
    values = np.random.default_rng(own).normal(3.0, 2.0, (7 + own, 2))
    theirs, ours = Moments(), Moments()
    theirs.add(7, torch.from_numpy(values[:7].mean(0)), torch.from_numpy(values[:7].var(0)))
    if own:
        ours.add(own, torch.from_numpy(values[7:].mean(0)), torch.from_numpy(values[7:].var(0)))
    said = torch.cat((theirs.mean, theirs.m2, torch.tensor([7.0], dtype=torch.float64)))
    together = ours.over(WithAnother(1, 2, other=said), 2)
    assert together.count == 7 + own
    np.testing.assert_allclose(together.mean, values.mean(0), rtol=1e-12)
    np.testing.assert_allclose(together.var, values.var(0), rtol=1e-12)


def test_what_does_not_fit_at_once_goes_layer_by_layer_and_no_further_than_it_must(
    unet, batches, monkeypatch
):
    layers = bind_layers(unet, batches[0])
    passes = []
    handle = unet.head.register_forward_hook(lambda *_: passes.append(1))
    elements = 11 * 2 * 32 * 32 * sum(layer.size for layer in layers)
    monkeypatch.setattr(statistics, "_AT_ONCE", elements)
    assert list(store_pooled_statistics(unet, layers, batches)) == [(0, 1), (1, 1)]
    monkeypatch.setattr(statistics, "_AT_ONCE", elements - 1)
    passes.clear()
    told = list(store_pooled_statistics(unet, layers, batches))
    handle.remove()
    assert told == [(n, 3 * len(layers)) for n in range(1, 3 * len(layers) + 1)]
    assert not passes
    first = unet.encoders[0][0](torch.cat(batches))
    torch.testing.assert_close(unet.encoders[0][1].running_mean, first.mean((0, 2, 3)))


def test_images_of_different_sizes_are_pooled_all_the_same(unet, batches):
    others = [batches[0], batches[1][..., :16]]
    adapted = adapt(unet, others, preset("adabn")).finish()
    first = torch.cat([unet.encoders[0][0](batch).transpose(0, 1).flatten(1) for batch in others], 1)
    torch.testing.assert_close(adapted.encoders[0][1].running_mean, first.mean(1))
    torch.testing.assert_close(adapted.encoders[0][1].running_var, first.var(1, correction=0))


def test_a_layer_that_runs_three_times_is_seen_as_one_batch():
    parts = [torch.randn(n, 4, dtype=torch.float64) + n for n in (5, 2, 9)]
    seen = Observed()
    for part in parts:
        seen.add(1, len(part), part.mean(0), part.var(0, correction=0))
    mean, var = seen.statistics[1]
    torch.testing.assert_close(mean, torch.cat(parts).mean(0))
    torch.testing.assert_close(var, torch.cat(parts).var(0, correction=0))
    assert seen.counts == {1: 16}


@pytest.mark.parametrize("at_once", [True, False])
def test_a_single_layer_is_pooled(batches, at_once, monkeypatch):
    if not at_once:
        monkeypatch.setattr(statistics, "_AT_ONCE", 0)
    network = nn.Sequential(nn.BatchNorm2d(2)).eval()
    for _ in store_pooled_statistics(network, bind_layers(network, batches[0]), batches):
        pass
    whole = torch.cat(batches)
    torch.testing.assert_close(network[0].running_mean, whole.mean((0, 2, 3)))
    torch.testing.assert_close(network[0].running_var, whole.var((0, 2, 3), correction=0))


def test_a_process_without_a_share_of_the_target_adds_nothing(batches):
    network = nn.Sequential(nn.BatchNorm2d(2)).eval()
    mean, var = torch.tensor([3.0, -1.0]).double(), torch.tensor([4.0, 0.5]).double()
    said = torch.cat((mean, var * 100, torch.tensor([100.0]).double()))
    one = [batches[0][:1]]
    # The one image is the other's.
    first = WithAnother(0, 2, other=said)
    assert first.share(one[0]).own == 0.0
    for _ in store_pooled_statistics(network, bind_layers(network, one[0]), one, processes=first):
        pass
    torch.testing.assert_close(network[0].running_mean.double(), mean)
    torch.testing.assert_close(network[0].running_var.double(), var)


def test_a_layer_that_runs_twice_stores_what_both_runs_see_of_the_source(batches):
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm2d(2)

        def forward(self, x):
            return self.norm(self.norm(x) * 2.0 + 1.0)

    network = Twice().eval()
    whole = torch.cat(batches)
    both = torch.cat([whole, network.norm(whole) * 2.0 + 1.0]).detach()
    for _ in store_pooled_statistics(network, bind_layers(network, batches[0]), batches):
        pass
    torch.testing.assert_close(network.norm.running_mean, both.mean((0, 2, 3)))
    torch.testing.assert_close(network.norm.running_var, both.var((0, 2, 3), correction=0))


def test_the_pass_that_pools_puts_out_what_the_finished_model_does(unet, batches):
    told = []
    adaptation = adapt(unet, batches, preset("osuda", iterations=1, precision="float32"))
    next(adaptation)
    for _ in adaptation.finishing(batches[:1], told.append):
        pass
    assert len(told) == 1
    with torch.inference_mode():
        torch.testing.assert_close(told[0], adaptation.model(batches[0]))
