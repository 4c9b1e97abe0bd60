"""Networks with statistics of the target and no training: what masks are compared with, and candidates."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from functools import partial

from torch import Tensor, nn

from napari_osuda.method import AdaptationConfig, adapt
from napari_osuda.models import ModelCard

__all__ = ["SOURCE_SHARES", "with_statistics"]

SOURCE_SHARES = (0.5, 0.0)
"""Shares of the source in the statistics of the networks whose masks the guard compares with the source's."""


def with_statistics(
    network: nn.Module,
    batches: Iterable[Tensor],
    config: AdaptationConfig,
    card: ModelCard,
    source_share: float | None = None,
    stopping: Callable[[], bool] = lambda: False,
    pooled: Iterable[Tensor] | None = None,
    keep: Callable[[nn.Module, Tensor], None] | None = None,
) -> Generator[tuple[int, int], None, nn.Module | None]:
    """A copy of a network whose layers store a mix of the target's statistics and the source's.

    Parameters
    ----------
    network : nn.Module
        In eval mode on its device; not changed.
    batches : re-iterable of Tensor
        The target domain.
    config : AdaptationConfig
        Of the run; no iteration of it is made.
    card : ModelCard
    source_share : float, optional
        Weight of what the network stores, 0 to 1; without it as the settings say.
    stopping : callable
        Whether to stop, asked after each part.
    pooled : re-iterable of Tensor, optional
        What the statistics are pooled over, in place of the whole target.
    keep : callable, optional
        Told the network and what it puts out for that, where one pass gives both.

    Yields
    ------
    (int, int)
        Work done and work in all.

    Returns
    -------
    nn.Module or None
        In eval mode; None where it was stopped.

    Raises
    ------
    OsudaError
        The network stores no statistics.
    """
    config = config.replace(iterations=0)
    if source_share is not None:
        config = config.replace(inference_statistics="mixed", source_prior=source_share, source_count=None)
    adaptation = adapt(network, batches, config, activation=card.activation)
    kept = None if keep is None else partial(keep, adaptation.model)
    for part in adaptation.finishing(pooled, kept):
        yield part
        if stopping():
            return None
    return adaptation.model
