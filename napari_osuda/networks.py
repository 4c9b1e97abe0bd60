"""The U-Net with batch normalization that the paper segments with, as an ordinary torch module."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["UNet"]


class _Block(nn.Sequential):
    """Two convolutions, each followed by BatchNorm and ReLU."""

    def __init__(self, in_channels: int, out_channels: int, spatial_dims: int) -> None:
        flat = spatial_dims == 2
        convolution, norm = (nn.Conv2d, nn.BatchNorm2d) if flat else (nn.Conv3d, nn.BatchNorm3d)
        super().__init__(
            convolution(in_channels, out_channels, 3, padding=1, bias=False),
            norm(out_channels),
            nn.ReLU(inplace=True),
            convolution(out_channels, out_channels, 3, padding=1, bias=False),
            norm(out_channels),
            nn.ReLU(inplace=True),
        )


class UNet(nn.Module):
    """U-Net (Ronneberger et al., 2015) with BatchNorm after each convolution, of slices or volumes.

    Parameters
    ----------
    in_channels : int
        MRI contrasts of the input.
    out_channels : int
        Classes of the output, background included.
    features : sequence of int
        Channels of each level, finest first; each level below the first halves the image.
    spatial_dims : {2, 3}
        Of the input: slices or volumes.

    Notes
    -----
    The input is ``[B, in_channels, H, W]`` (``[B, in_channels, D, H, W]`` of volumes) with sides that are
    multiples of ``2 ** (len(features) - 1)``; the output is as large, with ``out_channels`` of logits.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        features: Sequence[int] = (16, 32, 64, 128, 128),
        spatial_dims: int = 2,
    ) -> None:
        super().__init__()
        if len(features) < 2:
            raise ValueError(f"A U-Net needs at least two levels of features, not {list(features)}.")
        if spatial_dims not in (2, 3):
            raise ValueError(f"spatial_dims is {spatial_dims}; it must be 2 or 3.")
        flat = spatial_dims == 2
        up = nn.ConvTranspose2d if flat else nn.ConvTranspose3d
        above = [in_channels, *features[:-1]]
        self.encoders = nn.ModuleList(
            _Block(a, b, spatial_dims) for a, b in zip(above, features, strict=True)
        )
        self.pool = nn.MaxPool2d(2) if flat else nn.MaxPool3d(2)
        fine, coarse = list(features[-2::-1]), list(features[:0:-1])
        self.ups = nn.ModuleList(up(c, f, 2, stride=2) for c, f in zip(coarse, fine, strict=True))
        self.decoders = nn.ModuleList(_Block(2 * f, f, spatial_dims) for f in fine)
        self.head = (nn.Conv2d if flat else nn.Conv3d)(features[0], out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Segment a batch: float ``[B, in_channels, *size]`` in, logits ``[B, out_channels, *size]`` out."""
        skips: list[Tensor] = []
        for level, encoder in enumerate(self.encoders):
            x = encoder(self.pool(x) if level else x)
            skips.append(x)
        skips.pop()
        for up, decoder in zip(self.ups, self.decoders, strict=True):
            x = decoder(torch.cat([skips.pop(), up(x)], dim=1))
        segmented: Tensor = self.head(x)
        return segmented
