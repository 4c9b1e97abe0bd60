from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from napari_osuda.method import AdaptationConfig, adapt
from napari_osuda.method.computing import arithmetic
from napari_osuda.method.computing.arithmetic import (
    autocast_dtype,
    compute_in,
    lay_out,
    output_of,
    with_threads,
)
from napari_osuda.networks import UNet

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("precision", "dtype", "able", "expected"),
    [
        ("auto", torch.float32, True, torch.bfloat16),
        ("auto", torch.float32, False, None),
        ("auto", torch.float64, True, None),
        ("auto", torch.float16, True, None),
        ("float32", torch.float32, True, None),
        ("bfloat16", torch.float32, False, torch.bfloat16),
    ],
)
def test_bfloat16_is_chosen_where_the_processor_has_it(monkeypatch, precision, dtype, able, expected):
    monkeypatch.setattr(arithmetic, "has_bfloat16", lambda device: able)
    assert autocast_dtype(precision, CPU, dtype) == expected


def test_an_older_torch_without_the_names_is_in_float32(monkeypatch):
    monkeypatch.undo()
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert not arithmetic.has_bfloat16(CPU)
    assert not arithmetic.has_bfloat16(torch.device("mps"))


@pytest.mark.parametrize("known", [(False, False), (True, False), (False, True)])
def test_one_of_the_processors_instructions_is_enough(monkeypatch, known):
    monkeypatch.undo()
    for name, able in zip(("_is_avx512_bf16_supported", "_is_amx_tile_supported"), known, strict=True):
        monkeypatch.setattr(torch.cpu, name, lambda able=able: able, raising=False)
    # An emulation would be slower than float32.
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation)
    assert arithmetic.has_bfloat16(CPU) == any(known)
    assert not arithmetic.has_bfloat16(torch.device("cuda"))


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
def test_a_layout_is_tried_in_the_arithmetic_it_is_for(dtype):
    tried = []

    class Notes(nn.Conv2d):
        def forward(self, x):
            tried.append(torch.is_autocast_enabled("cpu"))
            return super().forward(x)

    lay_out(Notes(2, 2, 3), torch.randn(1, 2, 8, 8), dtype)
    assert tried == [dtype is not None]


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
def test_layout_is_the_fastest_and_values_stay(dims, dtype):
    torch.manual_seed(0)
    network = UNet(2, 3, (4, 8), dims).eval()
    x = torch.randn(1, 2, *(16,) * dims)
    before = network(x)
    lay_out(network, x, dtype)
    weight = next(m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Conv3d))).weight
    form = torch.channels_last if dims == 2 else torch.channels_last_3d
    assert weight.is_contiguous(memory_format=form)
    torch.testing.assert_close(network(x), before, rtol=1e-4, atol=1e-5)


def test_a_network_that_views_its_channels_is_left_as_it_was():
    class Views(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(2, 4, 3, padding=1)
            self.norm = nn.BatchNorm2d(4)

        def forward(self, x):
            y = self.norm(self.conv(x))
            return y.view(y.shape[0], -1).view(y.shape)

    network = Views().eval()
    lay_out(network, torch.randn(2, 2, 8, 8))
    assert network.conv.weight.is_contiguous()
    assert len(list(adapt(network, [torch.randn(2, 2, 8, 8)], AdaptationConfig(iterations=1)))) == 1


def test_adapt_lays_its_copy_out_and_leaves_the_given_network(unet, batches):
    adaptation = adapt(unet, batches, AdaptationConfig(iterations=1))
    weights = [
        next(m for m in n.modules() if isinstance(m, nn.Conv2d)).weight for n in (unet, adaptation.model)
    ]
    assert [w.is_contiguous() for w in weights] == [True, False]
    adaptation.finish()
    assert weights[1].is_contiguous()


def test_bfloat16_steps_lead_to_nearly_the_same_network(unet, batches):
    found = []
    for precision in ("float32", "bfloat16"):
        adaptation = adapt(unet, batches, AdaptationConfig(precision=precision))
        found.append((list(adaptation), adaptation.model))
        assert {p.dtype for p in adaptation.model.parameters()} == {torch.float32}
    (steps, model), (lower, lower_model) = found
    for a, b in zip(steps, lower, strict=True):
        assert b.distance.dtype == a.distance.dtype
        assert b.l_se == pytest.approx(a.l_se, rel=0.02)
    x = batches[0]
    labels, lower_labels = (m(x).argmax(1) for m in (model, lower_model))
    assert (labels == lower_labels).float().mean() > 0.99


def test_a_network_is_computed_as_it_is_marked_and_left_as_it_is_by_itself(unet, batches):
    x = batches[0]
    exact = unet(x)
    marked = compute_in(copy.deepcopy(unet), torch.bfloat16)
    assert output_of(unet, x).dtype == torch.float32
    torch.testing.assert_close(output_of(unet, x), exact, rtol=0, atol=0)
    # The mark goes along with a copy, and is no part of the network's state.
    for one in (marked, copy.deepcopy(marked)):
        assert output_of(one, x).dtype == torch.bfloat16
        torch.testing.assert_close(one(x), exact, rtol=0, atol=0)
        assert one.state_dict().keys() == unet.state_dict().keys()
    assert output_of(compute_in(marked, None), x).dtype == torch.float32


def test_threads_are_given_back():
    before = torch.get_num_threads()
    during = []

    def interrupted():
        with with_threads(before + 1):
            during.append(torch.get_num_threads())
            raise RuntimeError("in between")

    with pytest.raises(RuntimeError, match="in between"):
        interrupted()
    with with_threads(None):
        during.append(torch.get_num_threads())
    assert [*during, torch.get_num_threads()] == [before + 1, before, before]
