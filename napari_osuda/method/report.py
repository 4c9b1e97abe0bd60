"""What one iteration reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_osuda.method.computing.queue import arriving, has_queue

__all__ = ["FloatArray", "StepReport"]

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
        Wall time of the step; of a GPU the time that it took there.
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
    def of(
        cls, t: int, eta: float, lam: float, timing: Callable[[], Callable[[], float]], **measured: Tensor
    ) -> StepReport:
        """From what a step has measured, tensors of the device by the names of the attributes.

        ``timing`` is what `queue.timed` gave when it began; what follows from the others is worked out. Of a
        GPU the figures are read when the first of them is asked for, and that alone may have to wait.
        """
        arrivals, names = _copied(list(measured.values())), tuple(measured)
        queued, seconds = has_queue(measured["l_se"].device), timing()

        def read() -> dict[str, Any]:
            values = dict(zip(names, arrivals(), strict=True))
            l_hbs, l_se, l_other = (float(values.pop(name)[0]) for name in ("l_hbs", "l_se", "l_other"))
            dead = values.pop("dead") > 0.5
            arrays = {name: np.asarray(array, dtype=np.float32) for name, array in values.items()}
            return dict(
                l_hbs=l_hbs, l_se=l_se, l_other=l_other, loss=l_hbs + lam * l_se + l_other,
                dead=dead, dead_channels=int(dead.sum()), seconds=seconds(), **arrays,
            )  # fmt: skip

        return _Unread(t, eta, lam, read) if queued else cls(t=t, eta=eta, lam=lam, **read())


class _Unread(StepReport):
    """A report whose figures are on their way: who asks for the first waits for all. Then it is plain."""

    def __init__(self, t: int, eta: float, lam: float, read: Callable[[], dict[str, Any]]) -> None:
        self.__dict__.update(t=t, eta=eta, lam=lam, _read=read)

    def __getattr__(self, name: str) -> Any:
        known = self.__dict__
        if name.startswith("_") or "_read" not in known:
            raise AttributeError(name)
        known.update(known.pop("_read")())
        object.__setattr__(self, "__class__", StepReport)
        return getattr(self, name)


def _copied(values: Sequence[Tensor]) -> Callable[[], list[npt.NDArray[np.floating]]]:
    """Tensors of one device as flat arrays, in a single copy: each read makes the processor wait for a GPU.

    Each has memory of its own; float64 where one of the values is, else float32.
    """
    wide = torch.float64 if any(value.dtype == torch.float64 for value in values) else torch.float32
    arrival = arriving(torch.cat([value.detach().flatten().to(wide) for value in values]))
    ends = np.cumsum([value.numel() for value in values])
    return lambda: [part.copy() for part in np.split(arrival(), ends[:-1])]
