"""What one iteration reports."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["FloatArray", "StepReport", "read_at_once"]

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class StepReport:
    """What one iteration found, measured before its update.

    Attributes
    ----------
    t : int
        Iteration, from 0.
    eta, lam : float
        Eq. 3's share of the source; the entropy's weight.
    l_hbs, l_se, loss : float
        Eqs. 4 and 6 unweighted (entropy in nats), and l_hbs + lam * l_se (+ l_other).
    l_other : float
        Weighted terms that the paper has not (CRUDA's ratio, the journal version's self-training); else 0.
    distance, alpha : ndarray, shape [N], float32
        Eq. 5 and the transferability, layers in the order of execution.
    gamma_shift, beta_shift : ndarray, shape [N], float32
        gamma_t - gamma_K and beta_t - beta_K; 0 where a layer has none.
    class_fractions : ndarray, shape [K], float32
        Share of the batch's pixels that each class claims.
    dead_channels : int
        Channels whose mixed variance is below their eps.
    seconds : float
        Wall time of the step.
    dead : ndarray, shape [N], bool
        Which channels those are.
    """

    t: int
    eta: float
    lam: float
    l_hbs: float
    l_se: float
    loss: float
    l_other: float
    distance: FloatArray
    alpha: FloatArray
    gamma_shift: FloatArray
    beta_shift: FloatArray
    class_fractions: FloatArray
    dead_channels: int
    seconds: float
    dead: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))

    @classmethod
    def of(cls, t: int, eta: float, lam: float, began: float, **measured: Tensor) -> StepReport:
        """From what a step has measured, tensors of the device by the names of the attributes.

        ``began`` is when it began, by ``time.perf_counter``; what follows from the others is worked out.
        """
        read = dict(zip(measured, read_at_once(list(measured.values())), strict=True))
        l_hbs, l_se, l_other = (float(read.pop(name)[0]) for name in ("l_hbs", "l_se", "l_other"))
        dead = read.pop("dead") > 0.5
        arrays = {name: np.asarray(values, dtype=np.float32) for name, values in read.items()}
        return cls(
            t=t, eta=eta, lam=lam, l_hbs=l_hbs, l_se=l_se, l_other=l_other,
            loss=l_hbs + lam * l_se + l_other, dead=dead, dead_channels=int(dead.sum()),
            seconds=time.perf_counter() - began, **arrays,
        )  # fmt: skip


def read_at_once(values: Sequence[Tensor]) -> list[npt.NDArray[np.floating]]:
    """Tensors of one device as arrays, in a single copy: each read makes the processor wait for a GPU.

    Parameters
    ----------
    values : sequence of Tensor
        Of any shapes and dtypes.

    Returns
    -------
    list of ndarray
        Flat, each with memory of its own; float64 where one of the values is, else float32.
    """
    wide = torch.float64 if any(value.dtype == torch.float64 for value in values) else torch.float32
    read = torch.cat([value.detach().flatten().to(wide) for value in values]).cpu().numpy()
    ends = np.cumsum([value.numel() for value in values])
    return [part.copy() for part in np.split(read, ends[:-1])]
