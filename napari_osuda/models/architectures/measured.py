"""A bound on what the operations of a stranger's program may make, asked before they make it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from napari_osuda.errors import ModelError

__all__ = ["measured"]

# Bytes that one operation may make, and all together, whatever the image, and for each of its voxels: a
# network of 300 layers of 50 channels makes 60,000 bytes a voxel.
_ONE, _ONE_A_VOXEL = 2**28, 2**12
_ALL, _ALL_A_VOXEL = 2**28, 2**16
# Of this thread's own work: a busy machine makes no network slow.
_SECONDS = 60.0
_MOST_OPERATIONS = 200_000
# Networks do the same at many places, and asking takes longer than small images themselves.
_REMEMBERED = 4096


# Whatever the size of the image that is tried.
_ONE_TRIED, _ALL_TRIED = 2**30, 2**33


@contextmanager
def measured(where: str, image: Sequence[int] = (), *, tried: bool = False) -> Iterator[None]:
    """Within it no operation of torch makes a tensor that is far too large for an image of this size.

    Parameters
    ----------
    where : str
        How messages call the program.
    image : sequence of int
        Of which size the image is that goes through; none where nothing goes through.
    tried : bool
        Whether it is only found out if the network runs: no operation may then make more than 1 GB, and all
        together 8 GB.

    Raises
    ------
    ModelError
        By the operation that would exceed it, or that comes after a minute.
    """
    voxels = 1
    for n in image:
        voxels *= int(n)
    one, every = _ONE + _ONE_A_VOXEL * voxels, _ALL + _ALL_A_VOXEL * voxels
    if tried:
        one, every = min(one, _ONE_TRIED), min(every, _ALL_TRIED)
    with _Measure(where, one, every):
        yield


class _Measure(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, where: str, one: int, every: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._where = where
        self._one, self._left = one, every
        self._until, self._operations = time.thread_time() + _SECONDS, _MOST_OPERATIONS
        self._known: dict[Any, int] = {}

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Ask torch for the shapes of what an operation makes, without values, and then call it."""
        kwargs = dict(kwargs or {})
        self._operations -= 1
        if self._operations < 0 or time.thread_time() > self._until:
            raise ModelError(f"{self._where} takes too long for one small image, so it is not read.")
        # A view makes nothing, and in place nothing new comes.
        if not (func.is_view or func._schema.is_mutable):
            made = self._bytes(func, args, kwargs)
            self._left -= made
            if made > self._one or self._left < 0:
                raise ModelError(
                    f"{self._where} would need more memory for one small image than any segmentation "
                    "network, so it is not read."
                )
        return func(*args, **kwargs)

    def _bytes(self, func: Any, args: Any, kwargs: Any) -> int:
        key = (func, _key(args), _key(list(kwargs.items())))
        if key not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = self._asked(func, args, kwargs)
        return self._known[key]

    def _asked(self, func: Any, args: Any, kwargs: Any) -> int:
        try:
            with torch.no_grad():
                shapes = func(*tree_map(_shape, args), **tree_map(_shape, kwargs))
        except Exception:  # an operation whose result hangs on its values has no shape before it
            return 0
        return sum(t.numel() * t.element_size() for t in tree_leaves(shapes) if isinstance(t, Tensor))


def _key(value: Any) -> Any:
    """What of an argument decides how large a result is, or more."""
    if isinstance(value, Tensor):
        return (*value.shape, value.dtype)
    if isinstance(value, list | tuple):
        return tuple(map(_key, value))
    # 1, 1.0 and True are one key, and not one argument.
    return (type(value), repr(value))


def _shape(value: Any) -> Any:
    """A tensor, or the device on which one is to be, without values."""
    if isinstance(value, Tensor):
        return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
    return torch.device("meta") if isinstance(value, torch.device) else value
