"""How the weight of the source statistics and of the entropy fall with the iteration t = 0 .. T-1."""

from __future__ import annotations

import math

from napari_osuda.method.config import AdaptationConfig

__all__ = ["eta", "lam", "momentum", "source_share"]


def eta(t: int, config: AdaptationConfig) -> float:
    """Eq. 3: eta_t = eta0 exp(-t / tau), the share of the source in the normalization statistics.

    Examples
    --------
    >>> [round(eta(t, AdaptationConfig(eta0=1.0, tau=1.0)), 3) for t in (0, 1, 5)]
    [1.0, 0.368, 0.007]
    """
    return config.eta0 * math.exp(-t / config.tau)


def lam(t: int, config: AdaptationConfig) -> float:
    """lambda_t of L = L_HBS + lambda_t L_SE: linear from lambda0 at t = 0 to 0 at t = T.

    Examples
    --------
    >>> [lam(t, AdaptationConfig(lambda0=10.0, iterations=4)) for t in range(4)]
    [10.0, 7.5, 5.0, 2.5]
    """
    if not config.entropy:
        return 0.0
    if config.lambda_schedule == "constant":
        return config.lambda0
    return config.lambda0 * (1.0 - t / config.iterations)


def momentum(t: int, config: AdaptationConfig) -> float:
    """DUA's momentum rho_t + floor: rho_t = decay rho_t-1, rho_-1 = momentum (Mirza et al., CVPR 2022)."""
    return float(config.momentum * config.momentum_decay ** (t + 1)) + config.momentum_floor


def source_share(t: int, config: AdaptationConfig) -> float:
    """The weight of the stored statistics at iteration t: eta_t, or 1 less DUA's momentum."""
    return 1.0 - momentum(t, config) if config.statistics == "momentum" else eta(t, config)
