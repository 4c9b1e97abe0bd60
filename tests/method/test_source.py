from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_osuda.method import AdaptationConfig
from napari_osuda.method.layers import bind_layers
from napari_osuda.method.losses import hbs_step
from napari_osuda.method.normalization import mix
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
            layer.bias.sub_(0.25)
    weight = torch.linspace(0.0, 3.0, len(source.mean))
    expected = [(layer.weight.detach().clone(), layer.bias.detach().clone()) for layer in bound]
    for (gamma, beta), layer in zip(expected, bound, strict=True):
        channels = slice(layer.info.offset, layer.info.offset + layer.info.channels)
        hbs_step(gamma, source.gamma[channels], weight[channels], 0.1)
        hbs_step(beta, source.beta[channels], weight[channels], 0.1)
    source.shrink(weight, 0.1)
    for (gamma, beta), layer in zip(expected, bound, strict=True):
        assert torch.equal(layer.weight.detach(), gamma)
        assert torch.equal(layer.bias.detach(), beta)


def test_a_layer_without_gamma_and_beta_is_not_shrunk():
    network = nn.Sequential(nn.BatchNorm2d(2, affine=False)).eval()
    SourceStatistics(bind_layers(network, torch.zeros(1, 2, 4, 4))).shrink(torch.ones(2), 0.1)


def test_what_a_step_normalizes_by(bound):
    source = SourceStatistics(bound)
    seen = source.mean + 1.0, source.var * 2.0
    mixed = source.normalized_by(seen, 0.25, AdaptationConfig())
    torch.testing.assert_close(mixed, tuple(map(mix, (source.mean, source.var), seen, (0.25, 0.25))))
    assert source.moved_by(AdaptationConfig()) == []
    # With a momentum the layers hold it themselves, and it is they that a step moves.
    momentum = AdaptationConfig(statistics="momentum")
    moved = source.moved_by(momentum)
    assert [id(x) for x in moved] == [id(x) for b in bound for x in (b.running_mean, b.running_var)]
    with torch.no_grad():
        for stored in moved:
            stored.add_(1.0)
    held = source.normalized_by(seen, 0.25, momentum)
    torch.testing.assert_close(held, (source.mean + 1.0, source.var + 1.0))


def test_what_a_channels_term_weighs(bound):
    source = SourceStatistics(bound)
    alpha = torch.linspace(0.0, 1.0, len(source.mean))
    assert torch.equal(source.weight(alpha, AdaptationConfig(hbs="off")), torch.zeros_like(alpha))
    plain = AdaptationConfig(gamma_weighting=False)
    assert torch.equal(source.weight(alpha, plain), 1.0 + alpha)
    expected = (1.0 + alpha) / torch.exp(source.gamma)
    torch.testing.assert_close(source.weight(alpha, plain.replace(gamma_weighting=True)), expected)
