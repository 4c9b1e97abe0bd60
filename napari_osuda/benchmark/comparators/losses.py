"""The losses that the comparators share; MONAI's where it has them."""

from __future__ import annotations

import torch
from monai.losses.adversarial_loss import PatchAdversarialLoss
from monai.losses.dice import DiceCELoss
from torch import Tensor, nn

__all__ = ["accept", "consistency", "distance", "segmentation", "tell_apart", "update_average"]

# Without the activation, which LSGAN does not have.
_LSGAN = PatchAdversarialLoss(criterion="least_squares", no_activation_leastsq=True)
_SEGMENTATION = DiceCELoss(include_background=False, to_onehot_y=True, softmax=True, batch=True)


def accept(verdict: Tensor) -> Tensor:
    """What a generator pays for a discriminator's verdicts: mean of (D(x) - 1)^2 (Mao et al., 2017)."""
    loss: Tensor = _LSGAN(verdict, target_is_real=True, for_discriminator=False)
    return loss


def tell_apart(real: Tensor, fake: Tensor) -> Tensor:
    """What a discriminator pays: half the mean of (D(real) - 1)^2 and that of D(fake)^2 (LSGAN)."""
    loss: Tensor = _LSGAN(real, target_is_real=True, for_discriminator=True)
    loss = loss + _LSGAN(fake, target_is_real=False, for_discriminator=True)
    return loss / 2


def distance(one: Tensor, other: Tensor) -> Tensor:
    """Mean absolute difference: L1 of the cycle and of the identity."""
    return (one - other).abs().mean()


def segmentation(logits: Tensor, classes: Tensor) -> Tensor:
    """Cross-entropy plus 1 - soft Dice of each class but background, over the whole batch.

    Parameters
    ----------
    logits : float tensor [B, K, h, w]
    classes : int64 tensor [B, h, w]
    """
    loss: Tensor = _SEGMENTATION(logits, classes[:, None])
    return loss


def consistency(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference of two networks' probabilities (Tarvainen & Valpola, 2017).

    Parameters
    ----------
    student, teacher : float tensor [B, K, h, w]
        Logits; the teacher's have no gradient.
    """
    return (student.softmax(1) - teacher.detach().softmax(1)).square().mean()


@torch.no_grad()
def update_average(teacher: nn.Module, student: nn.Module, decay: float) -> None:
    """Move the teacher's weights to ``decay`` times its own plus the rest of the student's, in place.

    BatchNorm's running statistics are left: the teacher gathers its own (French et al., 2018).
    """
    for mine, theirs in zip(teacher.parameters(), student.parameters(), strict=True):
        mine.lerp_(theirs, 1 - decay)
