from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from napari_osuda.models import ModelCard, SourceModel, inspect_model


def _source(network: nn.Module, **fields: object) -> SourceModel:
    defaults = {"channels": ("t1",), "output_channels": ("background", "a"), "minimum": (8, 8)}
    return SourceModel(network.eval(), ModelCard.of(**{**defaults, **fields}), Path("x"), "0" * 64)


def test_the_sample_unet(folder: Path) -> None:
    found = inspect_model(folder)
    assert found.adaptable
    assert found.smallest_size == (8, 8)
    assert len(found.layers) == 10
    assert found.adapted_channels == sum(layer.channels for layer in found.layers) == 2 * (4 + 6 + 8 + 6 + 4)
    assert found.parameters == sum(p.numel() for p in torch.nn.Module.parameters(_network(folder)))
    assert json.loads(json.dumps(found.to_dict()))["adapted_channels"] == found.adapted_channels
    assert any("adaptable           yes" in line for line in found.lines())


def _network(folder: Path) -> nn.Module:
    from napari_osuda.models import load_model

    return load_model(folder).network


class _Odd(nn.Module):
    """BN under two names, BN that never runs, BN without affine, beside InstanceNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1, stride=2)
        self.norm = nn.BatchNorm2d(4)
        self.alias = self.norm
        self.unused = nn.BatchNorm2d(7)
        self.bare = nn.BatchNorm2d(4, affine=False)
        self.instance = nn.InstanceNorm2d(4)
        self.head = nn.ConvTranspose2d(4, 2, 2, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.instance(self.bare(self.alias(self.norm(self.stem(x))))))


def test_all_that_can_be_odd_is_told() -> None:
    found = inspect_model(_source(_Odd()))
    assert found.adaptable
    assert [layer.name for layer in found.layers] == ["norm", "bare"]
    assert found.aliases == ("alias",)
    assert found.unexecuted == ("unused",)
    assert found.without_affine == ("bare",)
    assert found.norms == {"BatchNorm2d": ("norm", "unused", "bare"), "InstanceNorm2d": ("instance",)}
    assert "67% of its normalization layers" in found.reason
    text = "\n".join(found.lines())
    for word in ("unused", "alias", "bare", "InstanceNorm2d"):
        assert word in text


@pytest.mark.parametrize(
    ("norm", "words"),
    [
        (nn.InstanceNorm2d(4), "InstanceNorm2d"),
        (nn.GroupNorm(2, 4), "GroupNorm"),
        (nn.Identity(), "no normalization layers"),
        (nn.BatchNorm2d(4, track_running_stats=False), "running statistics"),
    ],
)
def test_why_a_network_cannot_be_adapted(norm: nn.Module, words: str) -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 1), norm, nn.Conv2d(4, 2, 1))
    found = inspect_model(_source(network))
    assert not found.adaptable
    assert words in found.reason
    assert found.layers == ()
    if isinstance(norm, nn.BatchNorm2d):
        assert found.without_statistics == ("1",)


def test_smallest_size_is_found_by_trying() -> None:
    deep = nn.Sequential(
        nn.Conv2d(1, 2, 1),
        nn.BatchNorm2d(2),
        nn.AvgPool2d(32),
        nn.Upsample(scale_factor=32),
        nn.Conv2d(2, 2, 1),
    )
    assert inspect_model(_source(deep, minimum=(32, 32))).smallest_size == (32, 32)
