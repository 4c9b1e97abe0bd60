from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_osuda.method.layers import bind_layers
from napari_osuda.method.losses import hbs_step
from napari_osuda.method.source import SourceStatistics
from napari_osuda.method.statistics import Observed


@pytest.fixture
def bound(unet, batches):
    return bind_layers(unet, batches[0][:1])


def test_all_layers_are_joined_in_their_order(bound):
    source = SourceStatistics(bound)
    for layer in bound:
        channels = slice(layer.info.offset, layer.info.offset + layer.info.channels)
        assert torch.equal(source.mean[channels], layer.running_mean)
        assert torch.equal(source.gamma[channels], layer.weight)
        assert source.stores(layer.running_mean)
    assert not source.stores(torch.zeros(1))
    assert not source.stores(None)


def test_the_source_stays_what_it_was_while_the_layers_move(bound):
    source = SourceStatistics(bound)
    before = source.mean.clone(), source.gamma.clone()
    with torch.no_grad():
        bound[0].running_mean.add_(1.0)
        bound[0].weight.add_(1.0)
    assert torch.equal(source.mean, before[0])
    assert torch.equal(source.gamma, before[1])
    assert not torch.equal(source.stored_now()[0], before[0])
    assert not torch.equal(source.now()[0], before[1])


def test_a_layer_without_gamma_and_beta_has_1_and_0():
    network = nn.Sequential(nn.BatchNorm2d(2, affine=False)).eval()
    source = SourceStatistics(bind_layers(network, torch.zeros(1, 2, 4, 4)))
    gamma, beta = source.now()
    assert gamma.tolist() == [1.0, 1.0]
    assert beta.tolist() == [0.0, 0.0]


def test_a_layer_that_did_not_run_keeps_the_sources_statistics(bound):
    source, observed = SourceStatistics(bound), Observed()
    first = bound[0]
    observed.add(id(first.running_mean), 10, torch.full_like(first.running_mean, 7.0), first.running_var)
    mean, _ = source.gathered(observed)
    assert torch.all(mean[: first.info.channels] == 7.0)
    assert torch.equal(mean[first.info.channels :], source.mean[first.info.channels :])


def test_statistics_are_taken_apart_by_the_names_of_the_buffers(unet, bound):
    source = SourceStatistics(bound)
    found = source.by_name(unet, (source.mean, source.var))
    state = unet.state_dict()
    assert set(found) == {name for name in state if "running" in name}
    for name, values in found.items():
        assert torch.equal(values, state[name])


def test_the_proximal_step_is_that_of_each_channel(bound):
    source = SourceStatistics(bound)
    with torch.no_grad():
        for layer in bound:
            layer.weight.add_(0.5)
    weight = torch.linspace(0.0, 3.0, len(source.mean))
    expected = [layer.weight.detach().clone() for layer in bound]
    for values, layer in zip(expected, bound, strict=True):
        channels = slice(layer.info.offset, layer.info.offset + layer.info.channels)
        hbs_step(values, source.gamma[channels], weight[channels], 0.1)
    source.shrink(weight, 0.1)
    for values, layer in zip(expected, bound, strict=True):
        assert torch.equal(layer.weight.detach(), values)
