from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from napari_osuda.method import AdaptationConfig
from napari_osuda.method.layers import bind_layers
from napari_osuda.method.training import cycle, optimizer, trained_parameters


@pytest.mark.parametrize("which", ["all", "affine"])
def test_what_is_trained_alone_requires_a_gradient(unet, batches, which):
    bound = bind_layers(unet, batches[0][:1])
    chosen = trained_parameters(unet, bound, AdaptationConfig(parameters=which))
    assert {id(p) for p in unet.parameters() if p.requires_grad} == {id(p) for p in chosen}
    affine = {id(p) for layer in bound for p in (layer.weight, layer.bias)}
    assert ({id(p) for p in chosen} == affine) == (which == "affine")


@pytest.mark.parametrize(("name", "kind"), [("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)])
def test_no_optimizer_has_weight_decay(unet, name, kind):
    found = optimizer(list(unet.parameters()), AdaptationConfig(optimizer=name, learning_rate=0.5))
    assert type(found) is kind
    assert all(group["weight_decay"] == 0.0 and group["lr"] == 0.5 for group in found.param_groups)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_momentum_is_nesterovs(unet, momentum):
    parameters = list(unet.parameters())
    found = optimizer(parameters, AdaptationConfig(optimizer="sgd", sgd_momentum=momentum))
    (group,) = found.param_groups
    assert [id(p) for p in group["params"]] == [id(p) for p in parameters]
    assert (group["momentum"], group["nesterov"]) == (momentum, momentum > 0)


def test_a_network_without_affine_parameters_has_an_optimizer_all_the_same():
    network = nn.BatchNorm2d(2, affine=False)
    assert optimizer(list(network.parameters()), AdaptationConfig()).param_groups[0]["params"]


def test_the_target_is_gone_through_over_and_over(batches):
    found = list(itertools.islice(cycle(batches), 2 * len(batches) + 1))
    assert len(found) == 2 * len(batches) + 1
    assert all(seen is batches[i % len(batches)] for i, seen in enumerate(found))


@pytest.mark.parametrize("name", ["adam", "sgd"])
@pytest.mark.parametrize("queue", [False, True])
def test_a_step_is_fused_where_the_device_has_a_queue(unet, monkeypatch, name, queue):
    monkeypatch.setattr("napari_osuda.method.training.has_queue", lambda device: queue)
    found = optimizer(list(unet.parameters()), AdaptationConfig(optimizer=name))
    assert bool(found.defaults["fused"]) == queue
