from __future__ import annotations

import copy

import pytest
import torch
from method_reference import batch_moments, mismatch_by_hooks
from torch import nn

from napari_osuda.method.curve.mismatch import layer_mismatch
from napari_osuda.method.layers import bind_layers


def test_mismatch_and_its_gradient_equal_the_reference_in_every_layer(unet, batches):
    model = copy.deepcopy(unet).double()
    x = batches[0].double().requires_grad_()
    ours = layer_mismatch(model, bind_layers(model, x.detach()), x)
    theirs = mismatch_by_hooks(model, x)
    assert len(ours) == len(theirs) > 4
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)
    for k in range(len(ours)):
        # Layer by layer, and of both moments: what follows a layer must not hide its gradient.
        weight = torch.linspace(0.5, 2.0, len(ours[k]), dtype=torch.float64)
        (a,) = torch.autograd.grad((weight * ours[k]).sum(), x, retain_graph=True)
        (b,) = torch.autograd.grad((weight * theirs[k]).sum(), x, retain_graph=True)
        torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-12)


def test_the_pass_ends_after_the_last_layer_that_is_wanted(unet, batches):
    layers = bind_layers(unet, batches[0])
    calls = []
    unet.head.register_forward_pre_hook(lambda *_: calls.append(1))
    some = layer_mismatch(unet, layers[:3], batches[0])
    later = layer_mismatch(unet, layers[1:3], batches[0])
    assert not calls
    every = layer_mismatch(unet, layers, batches[0])
    for a, b in zip([*some, *later], [*every[:3], *every[1:3]], strict=True):
        assert torch.equal(a, b)


def test_it_is_zero_where_the_batch_is_the_source_and_watching_changes_nothing(batches):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3, affine=False), nn.ReLU()).eval()
    mean, var = batch_moments(network[0](batches[0]))
    network[1].running_mean.copy_(mean)
    network[1].running_var.copy_(var)
    before = copy.deepcopy(network.state_dict())
    (found,) = layer_mismatch(network, bind_layers(network, batches[0]), batches[0])
    assert found.detach().max() < 1e-5
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("runs", [2, 3])
def test_a_layer_that_runs_several_times_counts_once(runs):
    torch.manual_seed(0)

    class Again(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm2d(2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for _ in range(runs):
                x = self.norm(x) * 1.5
            return x

    network = Again().eval().double()
    x = torch.randn(3, 2, 6, 6, dtype=torch.float64)
    (ours,) = layer_mismatch(network, bind_layers(network, x), x)
    torch.testing.assert_close(ours, torch.stack(mismatch_by_hooks(network, x)).mean(0))
