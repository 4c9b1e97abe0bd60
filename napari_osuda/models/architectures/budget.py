"""A limit on the numbers that a network's constructor may make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from napari_osuda.errors import ModelError

__all__ = ["Budget"]

_MAKERS = frozenset({
    torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn, torch.eye, torch.arange,
    torch.linspace, torch.empty_strided, torch.stack, torch.cat,
})  # fmt: skip


class Budget(TorchFunctionMode):
    """Within it, at most so many elements of tensors are made, counted before they are filled.

    Parameters
    ----------
    most : int
        Elements.

    Raises
    ------
    ModelError
        By the call that exceeds it.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._left = self._most = most

    def __torch_function__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call, and count what it made."""
        made = func(*args, **(kwargs or {}))
        if func in _MAKERS and isinstance(made, Tensor):
            self._left -= made.numel()
            if self._left < 0:
                raise ModelError(f"The network would need more than the {self._most:,} numbers of its file.")
        return made
