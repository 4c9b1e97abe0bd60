from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from napari_osuda.method import adapt, preset, statistics
from napari_osuda.method.statistics import Moments, source_distance


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
