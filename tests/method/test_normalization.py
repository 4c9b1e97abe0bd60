from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from napari_osuda.method import normalization
from napari_osuda.method.normalization import (
    BatchNormCall,
    InterceptBatchNorm,
    batch_statistics,
    mix,
    mixed_batch_norm,
    move_statistics,
)


def call(x, affine=True):
    c = x.shape[1]
    generator = torch.Generator().manual_seed(1)
    mean, weight = (torch.randn(c, generator=generator, dtype=x.dtype) for _ in range(2))
    var = torch.rand(c, generator=generator, dtype=x.dtype) + 0.5
    return BatchNormCall(x, mean, var, weight if affine else None, -weight if affine else None, 1e-5)


def images(*shape, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


@pytest.mark.parametrize("shape", [(4, 3, 5), (4, 3, 6, 5), (2, 3, 4, 5, 6)])
@pytest.mark.parametrize("affine", [True, False])
def test_the_gradient_is_that_of_the_plain_expression(shape, affine):
    x, eta = images(*shape).requires_grad_(), 0.3
    given = call(x, affine)
    dims = [d for d in range(x.dim()) if d != 1]
    var, mean = torch.var_mean(x, dim=dims, correction=0)
    m = eta * given.running_mean + (1 - eta) * mean
    v = eta * given.running_var + (1 - eta) * var
    view = (1, -1, *(1,) * (x.dim() - 2))
    plain = (x - m.view(view)) * torch.rsqrt(v + given.eps).view(view)
    if affine:
        plain = plain * given.weight.view(view) + given.bias.view(view)
    y, seen = mixed_batch_norm(given, eta)
    torch.testing.assert_close(y, plain)
    torch.testing.assert_close(seen[0], mean)
    up = images(*shape)
    (ours,) = torch.autograd.grad(y, x, up, retain_graph=True)
    (theirs,) = torch.autograd.grad(plain, x, up)
    torch.testing.assert_close(ours, theirs)


def test_the_source_alone_is_the_network_as_it_is_to_the_bit():
    given = call(images(4, 3, 6, 5, dtype=torch.float32))
    y, _ = mixed_batch_norm(given, 1.0)
    stored = F.batch_norm(
        given.x, given.running_mean, given.running_var, given.weight, given.bias, False, 0.0
    )
    assert torch.equal(y, stored)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_summed_in_float32(dtype):
    x = (images(4, 3, 8, 8, dtype=torch.float32) + 3).to(dtype)
    mean, var = batch_statistics(x)
    assert mean.dtype is var.dtype is torch.float32
    torch.testing.assert_close(mean, x.float().mean((0, 2, 3)))
    torch.testing.assert_close(var, x.float().var((0, 2, 3), correction=0))


def test_the_mix_is_exact_at_both_ends():
    source, batch = images(7), images(7) * 3
    assert torch.equal(mix(source, batch, 1.0), source)
    assert torch.equal(mix(source, batch, 0.0), batch)


def test_statistics_follow_the_batch_in_place():
    given = call(images(4, 3, 5))
    stored, before = given.running_mean, given.running_mean.clone()
    mean, var = batch_statistics(given.x)
    stored_var, var_before = given.running_var, given.running_var.clone()
    move_statistics(given, mean, var, 0.75)
    assert given.running_mean is stored
    torch.testing.assert_close(stored, 0.75 * before + 0.25 * mean)
    assert given.running_var is stored_var
    torch.testing.assert_close(stored_var, 0.75 * var_before + 0.25 * var)


def test_where_torch_has_no_kernel_of_one_pass_the_statistics_are_the_same():
    class Elsewhere(torch.Tensor):
        """A tensor that says that it lies on another device."""

        @property
        def device(self):
            return torch.device("mps")

    for dtype in (torch.float64, torch.float16):
        x = images(4, 3, 6, 5).to(dtype)
        found = batch_statistics(x.as_subclass(Elsewhere))
        for ours, theirs in zip(found, batch_statistics(x), strict=True):
            assert ours.dtype is theirs.dtype
            torch.testing.assert_close(ours.as_subclass(torch.Tensor), theirs)


@pytest.mark.parametrize(("eta", "detach"), [(1.0, False), (0.3, True)])
def test_what_does_not_move_with_the_batch_has_the_gradient_of_stored_statistics(eta, detach):
    x, up = images(4, 3, 6, 5).requires_grad_(), images(4, 3, 6, 5) + 0.5
    given = call(x)
    y, (_, var) = mixed_batch_norm(given, eta, detach=detach)
    (ours,) = torch.autograd.grad(y, x, up)
    view = (1, -1, 1, 1)
    inverse = torch.rsqrt(mix(given.running_var, var, eta) + given.eps)
    torch.testing.assert_close(ours, up * (given.weight * inverse).view(view))


def test_only_batch_norm_is_handed_over_and_only_inside():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU()).eval()
    x, calls = images(1, 1, 8, 8, dtype=torch.float32), []
    with torch.no_grad():
        plain = network(x)
        with InterceptBatchNorm(lambda given: calls.append(given.count)):
            assert torch.equal(network(x), plain)
        network(x)
    assert calls == [36]


def test_a_call_that_names_no_eps_has_torchs_own():
    x, one = torch.randn(2, 3, 4, 4), torch.ones(3)
    given = []
    with InterceptBatchNorm(given.append):
        result = F.batch_norm(x, torch.zeros(3), one)
    assert given[0].eps == 1e-5
    torch.testing.assert_close(result, x / (1 + 1e-5) ** 0.5)


@pytest.mark.parametrize("last", [False, True])
def test_the_gradient_in_half_precision_is_that_of_float32_rounded(last):
    order = torch.channels_last if last else torch.contiguous_format
    x, gy = (images(4, 3, 6, 5, dtype=torch.float32).contiguous(memory_format=order) + k for k in (0.0, 0.5))
    x, gy = x.bfloat16(), gy.bfloat16()
    given = call(x.float())
    found = []
    for dtype in (torch.bfloat16, torch.float32):
        moved = x.to(dtype).requires_grad_()
        given_now = BatchNormCall(
            moved, given.running_mean, given.running_var, given.weight, given.bias, 1e-5
        )
        y, _ = mixed_batch_norm(given_now, 0.3)
        found.append(torch.autograd.grad(y, moved, gy.to(dtype))[0].float())
    torch.testing.assert_close(*found, rtol=2**-7, atol=2**-8)


@pytest.mark.parametrize(
    ("dims", "order"),
    [
        (3, torch.contiguous_format), (4, torch.contiguous_format), (4, torch.channels_last),
        (5, torch.contiguous_format), (5, torch.channels_last_3d),
    ],
)  # fmt: skip
def test_the_gradient_comes_in_the_memory_format_of_the_images(dims, order):
    x = images(2, 3, *(4,) * (dims - 2)).contiguous(memory_format=order)
    assert normalization._format(x) == order


def test_images_that_need_no_gradient_get_none_and_the_parameters_theirs():
    given = call(images(4, 3, 6, 5))
    given.weight.requires_grad_()
    given.bias.requires_grad_()
    y, _ = mixed_batch_norm(given, 0.3)
    gamma, beta = torch.autograd.grad(y.square().sum(), (given.weight, given.bias))
    normal = (y - given.bias.view(1, -1, 1, 1)) / given.weight.view(1, -1, 1, 1)
    torch.testing.assert_close(beta, 2 * y.sum((0, 2, 3)))
    torch.testing.assert_close(gamma, 2 * (y * normal).sum((0, 2, 3)))
