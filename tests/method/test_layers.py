from __future__ import annotations

import copy

import method_reference as reference
import pytest
import torch
from method_reference import settle
from torch import nn

from napari_osuda.errors import CaseError, ConfigError, NotAdaptableError
from napari_osuda.method import AdaptationConfig, adapt, find_layers
from napari_osuda.method.layers import bind_layers


class Named(nn.Module):
    """A network whose norm carries two names, and another that never runs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.alias = self.norm
        self.never = nn.BatchNorm2d(7)
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        return self.head(self.norm(self.conv(x)))


class Twice(Named):
    """A network that runs one norm twice."""

    def forward(self, x):
        return self.head(self.norm(self.norm(self.conv(x)) * 2 + 1))


class AndActivate(nn.BatchNorm2d):
    """A BatchNorm that also activates: replaced by its class it would lose the activation."""

    def forward(self, x):
        return super().forward(x).relu()


def stack(*norms: nn.Module, dims: int = 2) -> nn.Module:
    conv = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[dims]
    layers: list[nn.Module] = [conv(1, 4, 3, padding=1)]
    for norm in norms:
        layers += [norm, nn.ReLU(), conv(4, 4, 3, padding=1)]
    return nn.Sequential(*layers)


@pytest.mark.parametrize(
    ("norm", "dims"),
    [
        (nn.BatchNorm1d(4), 1),
        (nn.BatchNorm2d(4), 2),
        (nn.BatchNorm3d(4), 3),
        (nn.SyncBatchNorm(4), 2),
        (nn.BatchNorm2d(4, affine=False), 2),
        (nn.BatchNorm2d(4, eps=0.1), 2),
        (AndActivate(4), 2),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, nn.Module) else str(v),
)
def test_every_kind_of_batch_norm_is_adapted(norm, dims):
    size = (8,) * dims
    model = stack(norm, dims=dims)
    with torch.no_grad():
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    x = torch.randn(3, 1, *size)
    layers = find_layers(model, x)
    assert [(la.name, la.kind, la.channels) for la in layers] == [("1", type(norm).__name__, 4)]
    assert layers[0].affine is norm.affine
    step = next(adapt(model, [x], AdaptationConfig(eta0=0.5, entropy=False)))
    mean, var = reference.batch_moments(model[0](x).detach())
    source = (norm.running_mean.double(), norm.running_var.double())
    mixed = [reference.mixed(b, s, 0.5) for b, s in zip((mean, var), source, strict=True)]
    expected = reference.distance(*source, *mixed, norm.eps)
    torch.testing.assert_close(torch.from_numpy(step.distance).double(), expected, rtol=1e-5, atol=1e-6)


def test_activation_inside_a_subclass_is_kept():
    model = settle(stack(AndActivate(4)), 4, 1, 8, 8)
    x = torch.randn(2, 1, 8, 8)
    adaptation = adapt(model, [x], AdaptationConfig(iterations=0, inference_statistics="source"))
    assert torch.equal(adaptation.finish()(x), model(x))


def test_aliases_count_once_and_the_unexecuted_not_at_all():
    layers = find_layers(settle(Named(), 4, 1, 8, 8), torch.randn(1, 1, 8, 8))
    assert [(la.name, la.channels, la.offset) for la in layers] == [("norm", 4, 0)]


def test_a_layer_that_runs_twice_pools_both_runs():
    model = settle(Twice(), 4, 1, 8, 8).double()
    x = torch.randn(3, 1, 8, 8).double()
    seen: list[torch.Tensor] = []
    handle = model.norm.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    model(x)
    handle.remove()
    adapted = adapt(model, [x], AdaptationConfig(iterations=0, inference_statistics="target")).finish()
    mean, var = reference.batch_moments(torch.cat(seen))
    torch.testing.assert_close(adapted.norm.running_mean, mean)
    torch.testing.assert_close(adapted.norm.running_var, var)


def test_order_is_of_execution_not_of_registration():
    class Reversed(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.first = nn.BatchNorm2d(3), nn.BatchNorm2d(3)

        def forward(self, x):
            return self.last(self.first(x))

    layers = find_layers(Reversed(), torch.randn(1, 3, 4, 4))
    assert [(la.name, la.offset) for la in layers] == [("first", 0), ("last", 3)]


def test_how_often_a_layer_runs_and_on_how_much():
    x = torch.randn(2, 1, 8, 8)
    (once,), (twice,) = bind_layers(Named(), x), bind_layers(Twice(), x)
    assert (once.executions, once.size) == (1, 4.0)
    assert (twice.executions, twice.size) == (2, 8.0)


def test_finding_leaves_modes_and_statistics_alone():
    model = Named().train()
    model.head.eval()
    before = copy.deepcopy(model.state_dict())
    find_layers(model, torch.randn(2, 1, 8, 8))
    assert model.training
    assert not model.head.training
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key])


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (stack(nn.InstanceNorm2d(4)), "InstanceNorm2d.*stores no source statistics.*first: 1"),
        (stack(nn.GroupNorm(2, 4), nn.GroupNorm(2, 4)), "2 GroupNorm layers, first: 1"),
        (stack(nn.Identity()), "no normalization layers"),
        (
            stack(nn.BatchNorm2d(4, track_running_stats=False)),
            r"1 of .* store no running statistics \(1\).*track_running_stats=True",
        ),
    ],
)
def test_what_cannot_be_adapted_says_why(model, says):
    with pytest.raises(NotAdaptableError, match=says):
        find_layers(model, torch.randn(1, 1, 8, 8))


def test_an_empty_target_is_refused(unet):
    with pytest.raises(CaseError, match="no slice with brain"):
        adapt(unet, [])


def test_a_generator_is_refused(unet, batches):
    with pytest.raises(ConfigError, match="re-iterable"):
        adapt(unet, iter(batches))


def test_dead_channels_are_finite_and_counted():
    model = settle(Named(), 4, 1, 8, 8)
    with torch.no_grad():
        model.conv.weight[2].zero_()
    step = next(adapt(model, [torch.randn(2, 1, 8, 8)], AdaptationConfig(eta0=0.0)))
    assert step.dead_channels == 1
    assert torch.isfinite(torch.from_numpy(step.distance)).all()
    assert step.alpha[2] == step.alpha.min()
