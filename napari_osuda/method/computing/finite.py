"""A step whose loss is not finite changes nothing: on a CPU it ends at once, on a GPU one step later."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from napari_osuda.errors import ModelError
from napari_osuda.method.computing.queue import has_queue

__all__ = ["FiniteSteps"]


class FiniteSteps:
    """Watches the loss of each step before the step changes anything.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        On a GPU a fused one: it asks the GPU itself whether to leave everything as it was.
    device : torch.device
    learning_rate : float
        For the sentence.

    Notes
    -----
    To look at the loss of a GPU is to wait for it. There the mark of a loss that is not finite stays on the
    GPU, and from that step on no step changes anything, until `require` is told of it.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, device: torch.device, learning_rate: float) -> None:
        self._broken: Tensor | None = None
        self._learning_rate = learning_rate
        if has_queue(device):
            self._broken = torch.zeros((), device=device)
            # What torch's gradient scaler tells a fused optimizer: 1 leaves parameters and moments alone.
            optimizer.found_inf = self._broken  # type: ignore[attr-defined]

    @torch.no_grad()
    def look(self, loss: Tensor, t: int) -> None:
        """Look at the loss of step ``t``.

        Raises
        ------
        ModelError
            On a CPU: it is not finite.
        """
        if self._broken is None:
            self.require(loss.item(), t)
        else:
            self._broken.copy_(torch.maximum(self._broken, (~loss.isfinite()).to(self._broken.dtype)))

    @contextmanager
    def guarding(self, tensors: Sequence[Tensor]) -> Iterator[None]:
        """Leave tensors as they were where the step that changes them inside the block fails."""
        before = [tensor.detach().clone() for tensor in tensors]
        try:
            yield
        except BaseException:
            with torch.no_grad():
                for tensor, old in zip(tensors, before, strict=True):
                    tensor.copy_(old)
            raise
        if self._broken is not None:
            with torch.no_grad():
                for tensor, old in zip(tensors, before, strict=True):
                    tensor.copy_(torch.where(self._broken > 0.0, old, tensor))

    def require(self, loss: float, t: int) -> None:
        """Raise ModelError where the loss of step ``t`` is not finite; a later step may be tried then."""
        if math.isfinite(loss):
            return
        if self._broken is not None:
            self._broken.zero_()
        raise ModelError(
            f"The network's output is not finite at iteration {t}: the target's intensities or the "
            f"learning rate ({self._learning_rate:g}) are out of its range. Try a smaller learning_rate."
        )
