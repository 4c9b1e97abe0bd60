from __future__ import annotations

import pytest
import torch

from napari_osuda.networks import UNet
from napari_osuda.session.inference.parts import through


@pytest.mark.parametrize("shape", [(5, 1, 256, 256), (3, 1, 400, 400), (2, 1, 16, 16), (1, 1, 512, 512)])
def test_a_batch_in_parts_is_the_batch(shape):
    network, x = UNet(1, 2, (2, 4)).eval(), torch.randn(shape)
    with torch.inference_mode():
        torch.testing.assert_close(through(network, x), network(x), rtol=1e-4, atol=1e-5)


def test_the_parts_are_small():
    sizes = []

    class Noting(torch.nn.Module):
        def forward(self, x):
            sizes.append(len(x))
            return {"out": x}

    assert through(Noting(), torch.zeros(20, 1, 128, 128)).shape == (20, 1, 128, 128)
    assert sizes == [8, 8, 4]
