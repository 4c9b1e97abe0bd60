from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch
from torch import nn

from napari_osuda.errors import ModelError
from napari_osuda.session.inference.sliding_window import (
    OVERLAP,
    Blended,
    SlidingWindow,
    patches_a_batch,
    require_monai,
    slide,
    windows,
)

SHAPE, PATCH = (14, 9, 17), (8, 9, 6)


class Blurred(nn.Module):
    """Sees beyond its voxel, so that windows differ where they overlap; a coarser head comes along."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Conv3d(2, 4, 5, padding=2), nn.ReLU(), nn.Conv3d(4, 3, 3, padding=1))

    def forward(self, x):
        y = self.net(x)
        return y, nn.functional.avg_pool3d(y, 2)


def monai_gives(network, volume, overlap):
    from monai.inferers import sliding_window_inference

    with torch.no_grad():
        return sliding_window_inference(
            volume, PATCH, 1, lambda x: network(x)[0], overlap=overlap, mode="gaussian"
        )


def volume_with_head():
    generator = torch.Generator().manual_seed(1)
    volume = torch.randn((1, 2, *SHAPE), generator=generator)
    head = np.zeros(SHAPE, bool)
    head[9:, 2:8, :7] = True
    volume[0, :, ~torch.from_numpy(head)] = -1.0
    return volume, head


def test_a_volume_is_blended_as_monai_blends_it():
    volume, _ = volume_with_head()
    *progress, blended = slide(Blurred(), volume, PATCH)
    assert isinstance(blended, Blended)
    torch.testing.assert_close(blended.output, monai_gives(Blurred(), volume, OVERLAP), rtol=1e-5, atol=1e-5)
    assert blended.seen.all()
    total = len(windows(SHAPE, PATCH))
    assert [done for done, _ in progress][-1] == total
    assert {of for _, of in progress} == {total}


def test_windows_of_air_are_left_out_and_the_head_is_as_before():
    volume, head = volume_with_head()
    *progress, blended = slide(Blurred(), volume, PATCH, head)
    assert 0 < progress[-1][1] < len(windows(SHAPE, PATCH))
    whole = monai_gives(Blurred(), volume, OVERLAP)
    torch.testing.assert_close(blended.output[0][:, head], whole[0][:, head], rtol=1e-5, atol=1e-5)
    assert blended.seen[head].all()
    assert not blended.seen.all()
    assert not blended.output[0][:, ~blended.seen].any()


def test_a_network_with_a_window_around_it_takes_a_volume():
    volume, _ = volume_with_head()
    output = SlidingWindow(Blurred(), PATCH)(volume)
    torch.testing.assert_close(output, monai_gives(Blurred(), volume, 0.25), rtol=1e-5, atol=1e-5)


def test_slices_go_through_a_2d_network_in_windows():
    from monai.inferers import sliding_window_inference

    torch.manual_seed(0)
    network = nn.Conv2d(2, 3, 5, padding=2)
    images = torch.randn((3, 2, 19, 11), generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        expected = sliding_window_inference(images, (8, 11), 2, network, overlap=OVERLAP, mode="gaussian")
    found = SlidingWindow(network, (8, 11), OVERLAP)(images)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_a_volume_without_head_has_nothing_to_segment():
    volume, head = volume_with_head()
    with pytest.raises(ModelError, match="no head"):
        list(slide(Blurred(), volume, PATCH, np.zeros_like(head)))


def test_few_large_patches_or_many_small_ones_go_together():
    assert patches_a_batch((128, 128, 128), 16) == 1
    assert patches_a_batch((160, 192, 160), 16) == 1
    assert patches_a_batch((64, 64, 64), 16) == 8
    assert patches_a_batch((8, 8, 8), 16) == 16


def test_a_missing_monai_is_named_with_the_command_that_brings_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"pip install 'napari-osuda\[monai\]'"):
        require_monai()


def test_windows_that_count_alike_are_monais_constant_mode():
    from monai.inferers import sliding_window_inference

    volume, _ = volume_with_head()
    with torch.no_grad():
        theirs = sliding_window_inference(volume, PATCH, 1, lambda x: Blurred()(x)[0], overlap=0.25)
    *_, blended = slide(Blurred(), volume, PATCH, overlap=0.25, how="constant")
    torch.testing.assert_close(blended.output, theirs, rtol=1e-5, atol=1e-5)


def test_windows_spread_evenly_begin_where_nnunet_begins_them():
    found = windows((110, 64, 25), (64, 64, 8), how="even")
    starts = [sorted({window[axis].start for window in found}) for axis in range(3)]
    assert starts == [[0, 23, 46], [0], [0, 3, 7, 10, 14, 17]]


def test_large_logits_are_not_summed_in_half_precision():
    class Loud(nn.Module):
        def forward(self, x):
            return torch.cat([x * 0 + 30_000, x * 0 - 30_000], 1)

    *_, blended = slide(Loud(), torch.zeros(1, 1, *SHAPE), PATCH, how="even")
    assert blended.output.isfinite().all()
    assert blended.output[:, 0].min() > 29_000


def test_windows_go_over_the_part_of_an_image_that_stands_for_the_slice():
    class Seen(nn.Module):
        def forward(self, x):
            return x * 0 + 1

    output = SlidingWindow(Seen(), (8, 8), 0.5, held=(10, 12))(torch.zeros(2, 1, 16, 16))
    assert output.shape == (2, 1, 16, 16)
    assert output[:, :, :10, :12].eq(1).all()
    assert output.sum() == 2 * 10 * 12
