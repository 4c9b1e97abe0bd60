"""The 2-D U-Net with batch normalization that the paper segments with, as an ordinary torch module."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["UNet"]


class _Block(nn.Sequential):
    """Two convolutions, each followed by BatchNorm and ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )


class UNet(nn.Module):
    """2-D U-Net (Ronneberger et al., 2015) with BatchNorm after each convolution.

    Parameters
    ----------
    in_channels : int
        MRI contrasts of the input.
    out_channels : int
        Classes of the output, background included.
    features : sequence of int
        Channels of each level, finest first; each level below the first halves the image.

    Notes
    -----
    The input is ``[B, in_channels, H, W]`` with H and W multiples of ``2 ** (len(features) - 1)``; the
    output is ``[B, out_channels, H, W]``, logits.
    """

    def __init__(
        self, in_channels: int, out_channels: int, features: Sequence[int] = (16, 32, 64, 128, 128)
    ) -> None:
        super().__init__()
        if len(features) < 2:
            raise ValueError(f"A U-Net needs at least two levels of features, not {list(features)}.")
        above = [in_channels, *features[:-1]]
        self.encoders = nn.ModuleList(_Block(a, b) for a, b in zip(above, features, strict=True))
        self.pool = nn.MaxPool2d(2)
        fine, coarse = list(features[-2::-1]), list(features[:0:-1])
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(c, f, 2, stride=2) for c, f in zip(coarse, fine, strict=True)
        )
        self.decoders = nn.ModuleList(_Block(2 * f, f) for f in fine)
        self.head = nn.Conv2d(features[0], out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Segment a batch: ``[B, in_channels, H, W]`` float in, ``[B, out_channels, H, W]`` logits out."""
        skips: list[Tensor] = []
        for level, encoder in enumerate(self.encoders):
            x = encoder(self.pool(x) if level else x)
            skips.append(x)
        skips.pop()
        for up, decoder in zip(self.ups, self.decoders, strict=True):
            x = decoder(torch.cat([skips.pop(), up(x)], dim=1))
        segmented: Tensor = self.head(x)
        return segmented
