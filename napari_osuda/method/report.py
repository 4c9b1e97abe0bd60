"""What one iteration reports."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

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
