"""CycleGAN: target images are translated to the source's kind, and the source segmenter segments those.

J.-Y. Zhu, T. Park, P. Isola, A. A. Efros, Unpaired image-to-image translation using cycle-consistent
adversarial networks, ICCV 2017. With its settings: least-squares adversaries, 10 x L1 of the cycle, 5 x L1
of the identity, Adam at 2e-4 with beta1 0.5, a pool of 50 images, rates that fall linearly over the second
half. Ours: the sizes (`Setting`), and z-scores in place of pictures from -1 to 1.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from napari_osuda.benchmark.comparators.loop import Batch, Comparator
from napari_osuda.benchmark.comparators.losses import accept, distance, tell_apart
from napari_osuda.benchmark.comparators.networks import Translator, discriminator, frozen, verdict
from napari_osuda.benchmark.comparators.pool import ImagePool
from napari_osuda.benchmark.comparators.settings import Setting

__all__ = ["CycleGAN", "Translating", "translation_loss"]

CYCLE, IDENTITY = 10.0, 5.0


def translation_loss(
    verdicts: tuple[Tensor, Tensor],
    images: tuple[Tensor, Tensor],
    cycled: tuple[Tensor, Tensor],
    same: tuple[Tensor, Tensor],
) -> Tensor:
    """What both translators pay.

    ``accept(D_T(G(s))) + accept(D_S(F(t))) + 10 (|F(G(s)) - s| + |G(F(t)) - t|)
    + 5 (|F(s) - s| + |G(t) - t|)``

    Parameters
    ----------
    verdicts : pair of tensor
        Of the discriminators, on the translated source and on the translated target.
    images, cycled, same : pair of float tensor [B, C, h, w]
        Of the source and of the target: as they are, there and back, and through the translator that makes
        images of their own kind.
    """
    loss = accept(verdicts[0]) + accept(verdicts[1])
    for image, back, own in zip(images, cycled, same, strict=True):
        loss = loss + CYCLE * distance(back, image) + IDENTITY * distance(own, image)
    return loss


class Translating(Comparator):
    """A comparator that translates both ways; what it does with that is its subclass's.

    Parameters
    ----------
    channels : int
        Contrasts of an image.
    setting : Setting
    """

    def __init__(self, channels: int, setting: Setting) -> None:
        super().__init__(setting)
        for name in ("to_target", "to_source"):
            self.networks[name] = Translator(channels, setting)
        for name in ("of_target", "of_source"):
            self.networks[name] = discriminator(channels, setting)
            self.pools[name] = ImagePool(setting.pool)
        for name, pair in (
            ("translators", ("to_target", "to_source")),
            ("discriminators", ("of_target", "of_source")),
        ):
            parameters = [p for one in pair for p in self.networks[one].parameters()]
            self.optimizers[name] = torch.optim.Adam(parameters, lr=2e-4, betas=(0.5, 0.999))

    def translate(self, batch: Batch) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Train translators and discriminators on a batch.

        Returns
        -------
        tuple
            The source's images as the target's, the target's as the source's, without gradient; the losses.
        """
        there, back = self.networks["to_target"], self.networks["to_source"]
        of_target, of_source = self.networks["of_target"], self.networks["of_source"]
        with frozen(of_target, of_source), self.arithmetic():
            fake_target, fake_source = there(batch.source), back(batch.target)
            cycled = back(fake_target), there(fake_source)
            same = back(batch.source), there(batch.target)
            verdicts = verdict(of_target, fake_target), verdict(of_source, fake_source)
        fake_target, fake_source = fake_target.float(), fake_source.float()
        loss = translation_loss(_float(verdicts), (batch.source, batch.target), _float(cycled), _float(same))
        self.descend("translators", loss)
        told = torch.zeros((), device=loss.device)
        for name, real, fake in (
            ("of_target", batch.target, fake_target),
            ("of_source", batch.source, fake_source),
        ):
            shown = self.pools[name].exchange(fake, batch.noise)
            with self.arithmetic():
                both = verdict(self.networks[name], real), verdict(self.networks[name], shown)
            told = told + tell_apart(*_float(both))
        self.descend("discriminators", told)
        return fake_target.detach(), fake_source.detach(), {"translation": loss, "discriminators": told}


def _float(pair: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return pair[0].float(), pair[1].float()


class CycleGAN(Translating):
    """See the module.

    Parameters
    ----------
    source : nn.Module
        The source segmenter, which is left as it is.
    channels : int
    setting : Setting
    """

    def __init__(self, source: nn.Module, channels: int, setting: Setting) -> None:
        super().__init__(channels, setting)
        self._source = source

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Train on a batch."""
        return self.translate(batch)[2]

    def segmenter(self) -> nn.Module:
        """The target's images as the source's, and then the source segmenter."""
        return nn.Sequential(self.networks["to_source"], copy.deepcopy(self._source)).eval()
