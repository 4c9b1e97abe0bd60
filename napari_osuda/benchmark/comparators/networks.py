"""The comparators' networks: MONAI's, and the two halves of our U-Net."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import torch
from monai.networks.nets.patchgan_discriminator import PatchDiscriminator
from monai.networks.nets.segresnet import SegResNet
from torch import Tensor, nn

from napari_osuda.benchmark.comparators.settings import Setting
from napari_osuda.errors import ModelError
from napari_osuda.networks import UNet

__all__ = ["Translator", "decode", "discriminator", "encode", "frozen", "levels", "require_unet", "verdict"]


class Translator(nn.Module):
    """Images of one domain to those of another.

    A residual network with two halvings, residual blocks and two doublings, with instance normalization, as
    CycleGAN has it. Ours is MONAI's form of it, which hands each level's features over to the way up: a
    short training then keeps what is where. And no tanh bounds the output, since our images are z-scores.

    Parameters
    ----------
    channels : int
        Contrasts of an image.
    setting : Setting
    """

    def __init__(self, channels: int, setting: Setting) -> None:
        super().__init__()
        self.layers = SegResNet(
            2, setting.width, channels, channels, norm="INSTANCE",
            blocks_down=(1, 1, setting.blocks), blocks_up=(1, 1),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """Translate float [B, C, h, w]; sides are multiples of 4."""
        translated: Tensor = self.layers(images)
        return translated


def discriminator(channels: int, setting: Setting, verdicts: int = 1) -> nn.Module:
    """A PatchGAN: of images or of probability maps, with so many verdicts on each patch."""
    return PatchDiscriminator(
        2, setting.discriminator_width, channels, verdicts,
        num_layers_d=setting.discriminator_layers, norm="INSTANCE",
    )  # fmt: skip


def verdict(network: nn.Module, images: Tensor) -> Tensor:
    """What a `discriminator` says of each patch, [B, verdicts, h', w']; without its features on the way."""
    last: Tensor = network(images)[-1]
    return last


def require_unet(network: nn.Module) -> UNet:
    """The network, which has to be our own U-Net of slices.

    Raises
    ------
    ModelError
        It is another, which nobody could take apart into encoder and decoder.
    """
    if isinstance(network, UNet) and isinstance(network.pool, nn.MaxPool2d):
        return network
    raise ModelError(
        "The comparators need a source model with the package's own U-Net of slices; "
        f"this one is a {type(network).__name__}."
    )


def levels(network: UNet) -> tuple[int, ...]:
    """The channels of each level of a U-Net, finest first: its ``features``."""
    ups = [cast("nn.ConvTranspose2d", up) for up in network.ups]
    return (*(up.out_channels for up in reversed(ups)), ups[0].in_channels)


def encode(network: UNet, images: Tensor) -> list[Tensor]:
    """The features of each level of a U-Net's encoder, finest first."""
    features: list[Tensor] = []
    for level, encoder in enumerate(network.encoders):
        images = encoder(network.pool(images) if level else images)
        features.append(images)
    return features


def decode(network: UNet, features: list[Tensor]) -> Tensor:
    """What a U-Net's decoder makes of an encoder's features; `encode` then this is its forward pass."""
    *skips, x = features
    for up, decoder in zip(network.ups, network.decoders, strict=True):
        x = decoder(torch.cat([skips.pop(), up(x)], dim=1))
    output: Tensor = network.head(x)
    return output


@contextmanager
def frozen(*networks: nn.Module) -> Iterator[None]:
    """Gradients go through these networks, and none is gathered for them."""
    parameters = [p for network in networks for p in network.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
