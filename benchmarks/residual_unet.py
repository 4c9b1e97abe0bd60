"""The U-Net with a ResNet-34 encoder that segmentation_models_pytorch builds, layer by layer as there.

He et al., CVPR 2016, and the decoder of ``smp.Unet``: 24.4 million parameters. For where smp is not there.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def convolution(into: int, out: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    """A convolution without bias, and BatchNorm."""
    return nn.Sequential(
        nn.Conv2d(into, out, size, stride, padding=size // 2, bias=False), nn.BatchNorm2d(out)
    )


class Residual(nn.Module):
    """A basic block of ResNet."""

    def __init__(self, into: int, out: int, stride: int) -> None:
        super().__init__()
        self.first, self.second = convolution(into, out, stride=stride), convolution(out, out)
        self.shortcut = nn.Identity() if stride == 1 and into == out else convolution(into, out, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """[B, into, H, W] to [B, out, H / stride, W / stride]."""
        return F.relu(self.second(F.relu(self.first(x), inplace=True)) + self.shortcut(x), inplace=True)


class ResidualUNet(nn.Module):
    """``smp.Unet("resnet34", encoder_weights=None)``."""

    def __init__(self, in_channels: int, classes: int) -> None:
        super().__init__()
        self.stem = convolution(in_channels, 64, 7, 2)
        widths, self.stages = (64, 64, 128, 256, 512), nn.ModuleList()
        for level, count in enumerate((3, 4, 6, 3)):
            into, out = widths[level], widths[level + 1]
            blocks = [
                Residual(into if k == 0 else out, out, 2 if k == 0 and level else 1) for k in range(count)
            ]
            self.stages.append(nn.Sequential(*blocks))
        into, self.decoders = 512, nn.ModuleList()
        for skip, out in zip((256, 128, 64, 64, 0), (256, 128, 64, 32, 16), strict=True):
            self.decoders.append(
                nn.Sequential(
                    convolution(into + skip, out), nn.ReLU(inplace=True),
                    convolution(out, out), nn.ReLU(inplace=True),
                )
            )  # fmt: skip
            into = out
        self.head = nn.Conv2d(16, classes, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, in_channels, H, W] with sides that are multiples of 32 to logits [B, classes, H, W]."""
        x = F.relu(self.stem(x), inplace=True)
        found = [x]
        x = F.max_pool2d(x, 3, 2, 1)
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        found.pop()
        for decoder in self.decoders:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = decoder(torch.cat([x, found.pop()], 1) if found else x)
        return self.head(x)
