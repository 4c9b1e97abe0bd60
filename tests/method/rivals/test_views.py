from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_osuda.errors import ModelError
from napari_osuda.method import adapt, preset
from napari_osuda.method.rivals.views import AveragedViews, of_all_views, other_views


@pytest.mark.parametrize("size", [(4, 6), (4, 6, 2)])
def test_each_view_moves_every_axis_and_is_undone(size):
    x = torch.randn(2, 3, *size)
    views = other_views(x.dim())
    assert len(views) == 2
    for turn, undo in views:
        seen = turn(x)
        assert all(now != before for now, before in zip(seen.shape[2:], size, strict=True))
        assert torch.equal(undo(seen), x)
    assert not torch.equal(views[0][0](x).flatten(), views[1][0](x).flatten())


def test_a_network_whose_axes_are_not_alike_is_refused_with_a_sentence():
    class Flat(nn.Module):
        def __init__(self, stride: tuple[int, int]) -> None:
            super().__init__()
            self.down, self.norm = nn.Conv2d(1, 4, 3, stride, 1), nn.BatchNorm2d(4)
            self.up = nn.ConvTranspose2d(4, 2, stride, stride)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.up(self.norm(self.down(x)))

    # Its output has another size than its turned input; or its features have other shapes.
    for network, size in ((Flat((4, 2)), (8, 6)), (Flat((4, 2)), (8, 8))):
        with pytest.raises(ModelError, match="Choose another method"):
            next(adapt(network.eval(), [torch.randn(1, 1, *size)], preset("muvi")))
    fixed = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(48, 96), nn.Unflatten(1, (2, 8, 6)))
    with pytest.raises(ModelError, match="another order"):
        next(adapt(fixed.eval(), [torch.randn(1, 1, 8, 6)], preset("muvi")))


def test_memory_that_runs_out_is_no_fault_of_the_axes():
    class Large(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.shape[-1] > x.shape[-2]:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
            return x

    with pytest.raises(RuntimeError, match="allocate"):
        AveragedViews(Large())(torch.zeros(1, 1, 6, 4))


@pytest.mark.parametrize("odd", [1, 2])
def test_each_view_has_to_come_back_in_the_shape_of_the_first(odd):
    seen = []

    def predict(x: torch.Tensor) -> torch.Tensor:
        seen.append(x)
        return x[..., :-1, :-1] if len(seen) == odd + 1 else x

    with pytest.raises(ModelError, match="another order"):
        of_all_views(predict, torch.zeros(1, 1, 6, 4))
    assert len(seen) == odd + 1
