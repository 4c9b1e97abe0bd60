"""SIFA: one encoder for translation back to the source and for segmentation, with adversaries on both.

C. Chen, Q. Dou, H. Chen, J. Qin, P.-A. Heng, Unsupervised bidirectional cross-modality adaptation via deeply
synergistic image and feature alignment for medical image segmentation, IEEE TMI 39(7), 2020; where the paper
leaves a question, the settings of the authors' public code. The source's images are translated to the
target's kind, where their labels train a segmenter. Its encoder also serves the decoder that translates the
target's images back. Weights: cycle 10 (to the encoder 0.1 of all that translation pays), cross-entropy and
Dice 1, a second head on lower features 0.1, adversaries on the segmentation 0.1, on the lower head's 0.01,
on reconstructed source images 0.1; weight decay 1e-4. Adam at 1e-3 for encoder and segmenter, at 2e-4
(beta1 0.5) for the rest.

Ours: encoder, segmenter and decoder are our U-Net's (the paper has a dilated residual network), and encoder
and segmenter start at the source model; the second head is on the last level but one; discriminators of
segmentations see probabilities; no image is added to a translation, since the U-Net's decoder has the finest
features at hand; all networks take one step on one forward pass; rates fall linearly.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_osuda.benchmark.comparators.loop import Batch, Comparator
from napari_osuda.benchmark.comparators.losses import accept, distance, segmentation, tell_apart
from napari_osuda.benchmark.comparators.networks import (
    Translator,
    decode,
    discriminator,
    encode,
    frozen,
    levels,
    require_unet,
    verdict,
)
from napari_osuda.benchmark.comparators.pool import ImagePool
from napari_osuda.benchmark.comparators.settings import Setting
from napari_osuda.networks import UNet

__all__ = ["SIFA", "segmenter_loss", "translators_loss"]

CYCLE = 10.0
LOWER_HEAD, TRANSLATION = 0.1, 0.1
ON_SEGMENTATION, ON_LOWER_HEAD, ON_RECONSTRUCTION = 0.1, 0.01, 0.1


def translators_loss(
    verdicts: tuple[Tensor, Tensor], images: tuple[Tensor, Tensor], cycled: tuple[Tensor, Tensor]
) -> Tensor:
    """What translation pays: ``accept(D_t(s')) + accept(D_s(t')) + 10 (|s'' - s| + |t'' - t|)``.

    Parameters
    ----------
    verdicts : pair of tensor
        On the source's images as the target's (s') and on the target's as the source's (t').
    images, cycled : pair of float tensor [B, C, h, w]
        Of the source and of the target: as they are, and there and back.
    """
    loss = accept(verdicts[0]) + accept(verdicts[1])
    for image, back in zip(images, cycled, strict=True):
        loss = loss + CYCLE * distance(back, image)
    return loss


def segmenter_loss(
    logits: Tensor, lower: Tensor, classes: Tensor, verdicts: tuple[Tensor, Tensor, Tensor]
) -> Tensor:
    """What encoder and segmenter pay besides translation.

    ``seg(S(s')) + 0.1 seg(S_low(s')) + 0.1 accept(D_p(S(t))) + 0.01 accept(D_p_low(S_low(t)))
    + 0.1 accept(D_aux(t'))``, where seg is cross-entropy and Dice.

    Parameters
    ----------
    logits, lower : float tensor [B, K, h, w]
        Of both heads, on the source's images as the target's.
    classes : int64 tensor [B, h, w]
    verdicts : three tensors
        On the target's segmentation, on its lower head's, and on the target as the source, as to whether it
        is a reconstructed image.
    """
    return (
        segmentation(logits, classes)
        + LOWER_HEAD * segmentation(lower, classes)
        + ON_SEGMENTATION * accept(verdicts[0])
        + ON_LOWER_HEAD * accept(verdicts[1])
        + ON_RECONSTRUCTION * accept(verdicts[2])
    )


class SIFA(Comparator):
    """See the module.

    Parameters
    ----------
    source : nn.Module
        Our U-Net, where encoder and segmenter start.
    channels : int
    setting : Setting

    Raises
    ------
    ModelError
        The source segmenter is another network.
    """

    def __init__(self, source: nn.Module, channels: int, setting: Setting) -> None:
        super().__init__(setting)
        network = copy.deepcopy(require_unet(source))
        classes, features = network.head.out_channels, levels(network)
        self._back = UNet(channels, channels, features)
        # Its own encoder is not used: the segmenter's is shared.
        self._back.encoders = nn.ModuleList()
        self._unet = network
        self.networks.update(
            {
                "segmenter": network,
                "lower": nn.Conv2d(features[-2], classes, 1),
                "to_source": self._back,
                "to_target": Translator(channels, setting),
                "of_target": discriminator(channels, setting),
                # The second verdict: is it a source image that was translated there and back?
                "of_source": discriminator(channels, setting, verdicts=2),
                "of_masks": discriminator(classes, setting),
                "of_lower": discriminator(classes, setting),
            }
        )
        self.pools = {name: ImagePool(setting.pool) for name in ("of_target", "of_source")}
        of_segmenter = [p for name in ("segmenter", "lower") for p in self.networks[name].parameters()]
        self.optimizers = {
            "segmenter": torch.optim.Adam(of_segmenter, lr=1e-3, weight_decay=1e-4),
            "translators": self._adversarial("to_source", "to_target"),
            "discriminators": self._adversarial("of_target", "of_source", "of_masks", "of_lower"),
        }

    def _adversarial(self, *names: str) -> torch.optim.Optimizer:
        parameters = [p for name in names for p in self.networks[name].parameters()]
        return torch.optim.Adam(parameters, lr=2e-4, betas=(0.5, 0.999))

    def _heads(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        logits = decode(self._unet, features)
        lower = F.interpolate(self.networks["lower"](features[-2]), logits.shape[2:], mode="bilinear")
        return logits.float(), lower.float()

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Train on a batch."""
        net = self.networks
        judges = [net[name] for name in ("of_target", "of_source", "of_masks", "of_lower")]
        with frozen(*judges), self.arithmetic():
            fake_target = net["to_target"](batch.source)
            of_target = encode(self._unet, batch.target)
            fake_source = decode(self._back, of_target)
            cycled = (
                decode(self._back, encode(self._unet, fake_target)).float(),
                net["to_target"](fake_source).float(),
            )
            # As in the authors' code, what segmentation pays does not reach the translator to the target.
            on_fake = self._heads(encode(self._unet, fake_target.detach()))
            on_target = self._heads(of_target)
            real_or_not = verdict(net["of_source"], fake_source).float()
            verdicts = (
                verdict(net["of_masks"], on_target[0].softmax(1)).float(),
                verdict(net["of_lower"], on_target[1].softmax(1)).float(),
                real_or_not[:, 1:],
            )
            on_images = verdict(net["of_target"], fake_target).float(), real_or_not[:, :1]
        translation = translators_loss(on_images, (batch.source, batch.target), cycled)
        segmenting = segmenter_loss(*on_fake, batch.classes, verdicts)
        # The factor is the encoder's; to Adam, the translators' own makes no difference.
        self.optimizers["translators"].zero_grad(set_to_none=True)
        self.descend("segmenter", TRANSLATION * translation + segmenting)
        self.optimizers["translators"].step()
        told = self._judge(batch, fake_target.float(), fake_source.float(), cycled[0], on_fake, on_target)
        self.descend("discriminators", told)
        return {"translation": translation, "segmentation": segmenting, "discriminators": told}

    def _judge(
        self,
        batch: Batch,
        fake_target: Tensor,
        fake_source: Tensor,
        reconstructed: Tensor,
        on_fake: tuple[Tensor, Tensor],
        on_target: tuple[Tensor, Tensor],
    ) -> Tensor:
        """What the discriminators pay."""
        net = self.networks
        shown = {
            "of_target": (batch.target, self.pools["of_target"].exchange(fake_target, batch.noise)),
            "of_source": (batch.source, self.pools["of_source"].exchange(fake_source, batch.noise)),
            # Segmentations of the translated source, whose labels are known, stand for the real ones.
            "of_masks": (on_fake[0].detach().softmax(1), on_target[0].detach().softmax(1)),
            "of_lower": (on_fake[1].detach().softmax(1), on_target[1].detach().softmax(1)),
        }
        with self.arithmetic():
            said = {n: [verdict(net[n], x).float() for x in pair] for n, pair in shown.items()}
            of_cycle = verdict(net["of_source"], reconstructed.detach()).float()
        real, fake = said.pop("of_source")
        told = tell_apart(real[:, :1], fake[:, :1]) + tell_apart(of_cycle[:, 1:], fake[:, 1:])
        for of_real, of_fake in said.values():
            told = told + tell_apart(of_real, of_fake)
        return told

    def segmenter(self) -> nn.Module:
        """The encoder with the upper head."""
        return copy.deepcopy(self._unet).eval()
