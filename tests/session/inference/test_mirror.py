from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from napari_osuda.models import ModelCard
from napari_osuda.networks import UNet
from napari_osuda.session.inference.mirror import MirrorAveraged, averaged, is_symmetric


def card(plane="axial", orientation="RAS", **more):
    dims = 3 if plane == "volume" else 2
    return ModelCard.of(
        channels=("T2",), labels={0: "background", 1: "lesion"}, plane=plane, orientation=orientation,
        spatial_dims=dims, **more,
    )  # fmt: skip


@given(st.integers(0, 2**31), st.sampled_from([0, 1]))
def test_the_mask_of_the_mirror_image_is_the_mirror_image_of_the_mask(seed, axis):
    torch.manual_seed(seed)
    network = MirrorAveraged(nn.Conv2d(1, 2, 3, padding=1), axis).eval()
    x = torch.randn(2, 1, 6, 6)
    with torch.inference_mode():
        np.testing.assert_allclose(
            network(x.flip(axis + 2)).numpy(), network(x).flip(axis + 2).numpy(), atol=1e-6
        )


def test_what_treats_both_sides_alike_is_not_changed():
    torch.manual_seed(0)
    network = nn.Conv2d(1, 2, 1)
    x = torch.randn(2, 1, 6, 6)
    np.testing.assert_allclose(MirrorAveraged(network, 1)(x).detach(), network(x).detach(), atol=1e-6)


def test_the_card_says_whether():
    network = UNet(1, 2, (4, 8)).eval()
    assert averaged(network, card()) is network
    assert isinstance(averaged(network, card(mirror_averaging=True)), MirrorAveraged)
    assert averaged(network, card("sagittal", mirror_averaging=True)) is network


def test_a_head_is_symmetric_and_a_one_sided_image_is_not():
    y, x = np.mgrid[-1:1:32j, -1:1:32j]
    head = (x**2 + y**2 < 0.8).astype(np.float32)
    half = (head * (x < 0)).astype(np.float32)
    assert is_symmetric(head[None, None], 1)
    assert not is_symmetric(half[None, None], 1)
    assert not is_symmetric(np.zeros((1, 1, 8, 8), np.float32), 0)
