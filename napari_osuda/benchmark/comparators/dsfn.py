"""DSFN: translation both ways, a segmenter of each kind of image, and their segmentations fused.

D. Zou, Q. Zhu, P. Yan, Unsupervised domain adaptation with dual-scheme fusion network for medical image
segmentation, IJCAI 2020. Source to target: the source's images as the target's train a segmenter with the
source's labels. Target to source: the target's images as the source's are segmented too. At the end both
segmentations of a target image are fused.

Ours, as far as the published summary leaves it open: translation is CycleGAN's, with its losses; two
segmenters of the source's architecture that start at the source model, the one trained on translated, the
other on real source images; least-squares adversaries on both segmentations weigh 0.1, as SIFA's; what the
segmenters pay does not reach the translators; Adam at 1e-3 for the segmenters; fused is the mean of the
probabilities.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from napari_osuda.benchmark.comparators.cyclegan import Translating
from napari_osuda.benchmark.comparators.loop import Batch
from napari_osuda.benchmark.comparators.losses import accept, segmentation, tell_apart
from napari_osuda.benchmark.comparators.networks import discriminator, frozen, verdict
from napari_osuda.benchmark.comparators.settings import Setting

__all__ = ["DSFN", "Fused", "segmenters_loss"]

ADVERSARY = 0.1
_WAYS = ("target", "source")


def segmenters_loss(
    logits: tuple[Tensor, Tensor], classes: Tensor, verdicts: tuple[Tensor, Tensor]
) -> Tensor:
    """What the segmenters pay: ``seg(S_T(G(s))) + seg(S_S(s)) + 0.1 (accept(D_T(t)) + accept(D_S(F(t))))``.

    Parameters
    ----------
    logits : pair of float tensor [B, K, h, w]
        On the source as the target, and on the source as it is.
    classes : int64 tensor [B, h, w]
    verdicts : pair of tensor
        On the segmentations of the target as it is, and of the target as the source.
    """
    loss = segmentation(logits[0], classes) + segmentation(logits[1], classes)
    return loss + ADVERSARY * (accept(verdicts[0]) + accept(verdicts[1]))


class Fused(nn.Module):
    """The mean of two segmenters' probabilities, one of them behind a translator, as logits.

    Parameters
    ----------
    of_target, of_source, to_source : nn.Module
    """

    def __init__(self, of_target: nn.Module, of_source: nn.Module, to_source: nn.Module) -> None:
        super().__init__()
        self.of_target, self.of_source, self.to_source = of_target, of_source, to_source

    def forward(self, images: Tensor) -> Tensor:
        """Segment float [B, C, h, w]; the logarithms of the mean probabilities."""
        as_it_is = self.of_target(images).softmax(1)
        as_source = self.of_source(self.to_source(images)).softmax(1)
        fused: Tensor = ((as_it_is + as_source) / 2).clamp_min(1e-12).log()
        return fused


class DSFN(Translating):
    """See the module.

    Parameters
    ----------
    source : nn.Module
        Where both segmenters start.
    channels : int
    setting : Setting
    classes : int
        Of the segmentation.
    """

    def __init__(self, source: nn.Module, channels: int, setting: Setting, classes: int) -> None:
        super().__init__(channels, setting)
        for way in _WAYS:
            self.networks[f"segmenter_{way}"] = copy.deepcopy(source)
            self.networks[f"masks_{way}"] = discriminator(classes, setting)
        for name, kind, pace in (
            ("segmenters", "segmenter", {"lr": 1e-3}),
            ("judges", "masks", {"lr": 2e-4, "betas": (0.5, 0.999)}),
        ):
            parameters = [p for way in _WAYS for p in self.networks[f"{kind}_{way}"].parameters()]
            self.optimizers[name] = torch.optim.Adam(parameters, **pace)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Train on a batch."""
        fake_target, fake_source, losses = self.translate(batch)
        segmenters, judges = ([self.networks[f"{k}_{w}"] for w in _WAYS] for k in ("segmenter", "masks"))
        labeled, unlabeled = (fake_target, batch.source), (batch.target, fake_source)
        with frozen(*judges), self.arithmetic():
            logits = [net(x).float() for net, x in zip(segmenters, labeled, strict=True)]
            others = [net(x).float() for net, x in zip(segmenters, unlabeled, strict=True)]
            said = [verdict(j, x.softmax(1)).float() for j, x in zip(judges, others, strict=True)]
        loss = segmenters_loss((logits[0], logits[1]), batch.classes, (said[0], said[1]))
        self.descend("segmenters", loss)
        told = torch.zeros((), device=loss.device)
        for judge, known, other in zip(judges, logits, others, strict=True):
            with self.arithmetic():
                both = [verdict(judge, x.detach().softmax(1)).float() for x in (known, other)]
            told = told + tell_apart(*both)
        self.descend("judges", told)
        return {**losses, "segmenters": loss, "judges": told}

    def segmenter(self) -> nn.Module:
        """Both segmenters, fused."""
        net = self.networks
        parts = net["segmenter_target"], net["segmenter_source"], net["to_source"]
        return Fused(*(copy.deepcopy(part) for part in parts)).eval()
