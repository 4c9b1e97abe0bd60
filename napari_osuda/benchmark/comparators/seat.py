"""SEAT: a mean teacher that is consistent on the target, and a discriminator of segmentations.

Z. Shanis, S. Gerber, M. Gao, A. Enquobahrie, Intramodality domain adaptation using self ensembling and
adversarial training, DART and MIL3ID at MICCAI 2019. The student learns the source's labels, agrees with its
teacher, the moving average of its weights, on differently disturbed images of the target, and makes the
target's segmentations such that a discriminator takes them for the source's.

Ours, since the paper's figures could not be had: consistency is the squared difference of probabilities,
risen to 1 over the first fifth as exp(-5 (1 - t)^2) (Tarvainen & Valpola, 2017); the adversary weighs 0.01
(Tsai et al., 2018: 0.001 to 0.01); the teacher keeps 0.99 and gathers BatchNorm's statistics on the target
alone (French et al., 2018); Adam at 1e-3 for the student, at 2e-4 (beta1 0.5) for the discriminator; the
student starts at the source model; images are disturbed in gray scale, field, blur and noise (`vary`).
"""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from napari_osuda.benchmark.comparators.loop import Batch, Comparator
from napari_osuda.benchmark.comparators.losses import (
    accept,
    consistency,
    segmentation,
    tell_apart,
    update_average,
)
from napari_osuda.benchmark.comparators.networks import discriminator, frozen, verdict
from napari_osuda.benchmark.comparators.settings import Setting
from napari_osuda.benchmark.real.augmentation import Variation, vary

__all__ = ["SEAT", "ramp", "student_loss"]

ADVERSARY, KEPT, RISING = 0.01, 0.99, 0.2
# Nothing moves, or the two networks would see different places.
_DISTURBANCE = Variation(rotation=0.0, scale=0.0, shift=0.0, bend=0.0)


def ramp(progress: float) -> float:
    """Weight of consistency: exp(-5 (1 - t)^2) over the first fifth of the training, then 1."""
    return math.exp(-5 * (1 - min(progress / RISING, 1.0)) ** 2)


def student_loss(
    logits: Tensor, classes: Tensor, student: Tensor, teacher: Tensor, said: Tensor, progress: float
) -> Tensor:
    """What the student pays: ``seg(S(s)) + w(t) |p_S(t) - p_T(t)|^2 + 0.01 accept(D(p_S(t)))``.

    Parameters
    ----------
    logits : float tensor [B, K, h, w]
        The student's, on the source.
    classes : int64 tensor [B, h, w]
    student, teacher : float tensor [B, K, h, w]
        Logits on the target.
    said : tensor
        The discriminator's verdicts on the student's target.
    progress : float
        Share of the training that is over.
    """
    agreed = ramp(progress) * consistency(student, teacher)
    return segmentation(logits, classes) + agreed + ADVERSARY * accept(said)


class SEAT(Comparator):
    """See the module.

    Parameters
    ----------
    source : nn.Module
        Where student and teacher start.
    channels : int
        Contrasts of an image; unused, since no image is made.
    setting : Setting
    classes : int
        Of the segmentation.
    """

    def __init__(self, source: nn.Module, channels: int, setting: Setting, classes: int) -> None:
        super().__init__(setting)
        self.networks["student"], self.networks["teacher"] = copy.deepcopy(source), copy.deepcopy(source)
        self.networks["of_masks"] = discriminator(classes, setting)
        self.networks["teacher"].requires_grad_(False)
        self.optimizers = {
            "student": torch.optim.Adam(self.networks["student"].parameters(), lr=1e-3),
            "of_masks": torch.optim.Adam(self.networks["of_masks"].parameters(), lr=2e-4, betas=(0.5, 0.999)),
        }

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Train on a batch."""
        student, teacher, judge = (self.networks[name] for name in ("student", "teacher", "of_masks"))
        seen, shown = (self._disturbed(batch) for _ in range(2))
        with frozen(judge), self.arithmetic():
            logits, on_target = student(batch.source).float(), student(seen).float()
            with torch.no_grad():
                taught = teacher(shown).float()
            said = verdict(judge, on_target.softmax(1)).float()
        loss = student_loss(logits, batch.classes, on_target, taught, said, batch.progress)
        self.descend("student", loss)
        update_average(teacher, student, KEPT)
        with self.arithmetic():
            both = [verdict(judge, x.detach().softmax(1)).float() for x in (logits, on_target)]
        told = tell_apart(*both)
        self.descend("of_masks", told)
        return {"student": loss, "discriminator": told}

    def _disturbed(self, batch: Batch) -> Tensor:
        """The target's images in other gray scales; drawn on the CPU, the same for every device."""
        images = batch.target.cpu()
        blank = torch.zeros(len(images), *images.shape[2:], dtype=torch.long)
        return vary(images, blank, _DISTURBANCE, batch.noise)[0].to(batch.target.device)

    def segmenter(self) -> nn.Module:
        """The teacher."""
        return copy.deepcopy(self.networks["teacher"]).eval()
