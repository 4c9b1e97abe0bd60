"""Tensors out of a checkpoint whose other contents would run code: those are left inert.

Training frameworks put settings and callbacks of their own classes beside the weights, which
``torch.load(weights_only=True)`` refuses as a whole. Here each unknown class or function becomes a
placeholder that does nothing, so the weights can be had without running, or importing, anything.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from napari_osuda.errors import ModelError, UntrustedModelError

__all__ = ["Inert", "recover", "state_of_module"]

_MAX_PICKLE = 64 * 2**20
# No honest checkpoint names these; one that does is an attack, and nothing of it is used.
_HOSTILE_MODULES = frozenset({
    "code", "ctypes", "importlib", "nt", "os", "pip", "posix", "pty", "runpy", "shutil", "socket",
    "subprocess", "sys", "webbrowser",
})  # fmt: skip
_HOSTILE_FUNCTIONS = frozenset({
    "_io.open", "io.open", "builtins.__import__", "builtins.breakpoint", "builtins.compile", "builtins.eval",
    "builtins.exec", "builtins.open",
})  # fmt: skip
_DTYPES: Mapping[str, torch.dtype] = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


class Inert:
    """Stands for an object whose class is not run; keeps only the state that the pickle gives it."""

    state: Any = None

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __call__(self, *_: Any, **__: Any) -> Inert:
        """Another placeholder, whatever the arguments."""
        return Inert()

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, _: Any) -> None:
        """Take what a list subclass would, and forget it."""

    extend = add = append


def _rebuild_tensor(
    storage: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> Tensor:
    if not isinstance(storage, Tensor):
        raise ModelError("tensor without storage")
    # as_strided checks that the view stays inside what the file really holds.
    return storage.as_strided(tuple(size), tuple(stride), offset)


def _rebuild_parameter(data: Any, *_: Any) -> Any:
    return data


_SAFE: Mapping[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("builtins", "set"): set,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _rebuild_parameter,
}


# The unpickler written in Python: the one in C allocates by sizes that the pickle claims.
class _Recovering(pickle._Unpickler):
    dispatch: ClassVar[dict[int, Callable[..., None]]] = dict(pickle._Unpickler.dispatch)

    def __init__(self, stream: io.BytesIO, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(stream)
        self.left_out: list[str] = []
        self._archive, self._root = archive, root
        self._storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        """A safe rebuilding function, a dtype for a storage class, or the placeholder."""
        safe = _SAFE.get((module, name))
        if safe is not None:
            return safe
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if module.partition(".")[0] in _HOSTILE_MODULES or f"{module}.{name}" in _HOSTILE_FUNCTIONS:
            raise UntrustedModelError(f"{module}.{name}")
        self.left_out.append(f"{module}.{name}")
        return Inert

    def persistent_load(self, pid: Any) -> Any:
        """The elements of one storage, as a flat tensor."""
        if not (isinstance(pid, tuple) and len(pid) >= 3 and pid[0] == "storage"):
            return Inert()
        dtype, key = pid[1], str(pid[2])
        if not isinstance(dtype, torch.dtype):
            return Inert()
        if key not in self._storages:
            content = bytearray(self._archive.read(f"{self._root}data/{key}"))
            flat = torch.frombuffer(content, dtype=dtype) if content else torch.empty(0, dtype=dtype)
            self._storages[key] = flat
        return self._storages[key]

    def _build(self) -> None:
        state = self.stack.pop()  # type: ignore[attr-defined]
        target = self.stack[-1]  # type: ignore[attr-defined]
        # The state of anything else is not needed, and setting attributes is not harmless.
        if isinstance(target, Inert):
            target.state = state

    dispatch[pickle.BUILD[0]] = _build


def recover(content: bytes, where: str) -> tuple[Any, tuple[str, ...]]:
    """What a ``torch.save`` archive holds, unknown classes replaced by :class:`Inert`.

    Parameters
    ----------
    content : bytes
        A zip archive as ``torch.save`` writes it, already checked to be uncompressed.
    where : str
        How messages call it.

    Returns
    -------
    object
        Plain containers, tensors and placeholders.
    tuple of str
        The classes and functions that were left out.

    Raises
    ------
    UntrustedModelError
        It names a function that only an attack calls from a checkpoint.
    ModelError
        It is damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            name = next(n for n in archive.namelist() if n.endswith("/data.pkl") or n == "data.pkl")
            root = name.removesuffix("data.pkl")
            if archive.getinfo(name).file_size > _MAX_PICKLE:
                raise ModelError("its pickle is too large")
            if f"{root}byteorder" in archive.namelist() and archive.read(f"{root}byteorder") != b"little":
                raise ModelError("it was written on a big-endian machine")
            unpickler = _Recovering(io.BytesIO(archive.read(name)), archive, root)
            found = unpickler.load()
    except UntrustedModelError as error:
        raise UntrustedModelError(
            f"{where} calls {error} when it is unpickled, which no checkpoint needs: it is an attack, or "
            "damaged. Do not use it."
        ) from None
    except Exception as error:  # a damaged pickle can fail in any way
        raise ModelError(
            f"{where} is not a readable file of weights: {str(error) or type(error).__name__}."
        ) from None
    return found, tuple(dict.fromkeys(unpickler.left_out))


def state_of_module(pickled: Any) -> dict[str, Tensor]:
    """The state dict of a whole pickled network, read from its placeholders; {} if it is none."""
    found: dict[str, Tensor] = {}
    visits = 0

    def visit(node: Any, prefix: str, depth: int) -> None:
        nonlocal visits
        visits += 1
        state = node.state if isinstance(node, Inert) else None
        # A module may be made to contain itself.
        if not isinstance(state, Mapping) or depth > 60 or visits > 20_000:
            return
        transient = state.get("_non_persistent_buffers_set")
        transient = transient if isinstance(transient, set) else set()
        for kind in ("_parameters", "_buffers"):
            tensors = state.get(kind)
            for name, tensor in tensors.items() if isinstance(tensors, Mapping) else ():
                if isinstance(tensor, Tensor) and name not in transient:
                    found[f"{prefix}{name}"] = tensor
        modules = state.get("_modules")
        for name, module in modules.items() if isinstance(modules, Mapping) else ():
            visit(module, f"{prefix}{name}.", depth + 1)

    visit(pickled, "", 0)
    return found
