"""The tensors of a stranger's file of weights, without running anything in it."""

from __future__ import annotations

import io
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy._core.multiarray import scalar
from pydantic import ValidationError
from torch import Tensor

from napari_osuda.errors import ModelError, UntrustedModelError, shown
from napari_osuda.models.files.archives import open_zip, read_member, zip_directory
from napari_osuda.models.files.documents import Document
from napari_osuda.models.files.pickle_size import check_pickles
from napari_osuda.models.files.pickles import recover, state_of_module

__all__ = ["Weights", "is_safetensors", "load_content", "read_weights"]

# Numbers of numpy, as frameworks put their metrics beside the weights, under numpy 1's and numpy 2's names.
_NUMBERS: list[Any] = [
    np.dtype,
    *((scalar, f"{module}.scalar") for module in ("numpy.core.multiarray", "numpy._core.multiarray")),
    *(type(np.dtype(name)) for name in ("f4", "f8", "i4", "i8", "b1")),
]
_CONTAINERS = ("state_dict", "model_state_dict", "network_weights", "model", "net", "weights")
# Means of the weights over the training, which some programs keep beside them or alone.
_AVERAGES = (
    "ema_state_dict",
    "state_dict_ema",
    "model_ema",
    "ema_model",
    "ema",
    "ema_weights",
    "swa_state_dict",
)
_MOST_TENSORS = 20_000
# Of the names of a network's tensors, the share that another set of its weights has.
_MOST_ALIKE = 0.9
_LONGEST_KEY = 300
_MOST_HEADER = 2**24
_DTYPES = frozenset({
    torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int8, torch.int16, torch.int32,
    torch.int64, torch.uint8, torch.bool,
})  # fmt: skip


class _Started(Document):
    configuration: str | None = None


class NNUNetCheckpoint(Document):
    """What a checkpoint of nnU-Net says beside its weights.

    Attributes
    ----------
    trainer_name : str or None
    init_args : _Started or None
        With the name of the configuration that was trained.
    """

    trainer_name: str | None = None
    init_args: _Started | None = None


@dataclass(frozen=True)
class Weights:
    """The tensors of a file.

    Attributes
    ----------
    tensors : dict of str to Tensor
        On the CPU, by the file's own keys.
    size : int
        Bytes of the file.
    container : str or None
        The key of a checkpoint under which they were found.
    notes : tuple of str
        What was left out in reading them.
    beside : NNUNetCheckpoint
        What else a checkpoint says, as far as it is of use.
    others : tuple of str
        Keys of a checkpoint under which it holds other weights of the same network.
    """

    tensors: dict[str, Tensor]
    size: int
    container: str | None = None
    notes: tuple[str, ...] = ()
    beside: NNUNetCheckpoint = field(default_factory=NNUNetCheckpoint, repr=False)
    others: tuple[str, ...] = ()

    @property
    def told(self) -> tuple[str, ...]:
        """The notes, and which of several sets of weights was taken."""
        if not self.others:
            return self.notes
        others = ", ".join(self.others)
        told = f"The file holds other weights of the same network ({others}); here {self.container} is used."
        return (*self.notes, told)


def read_weights(content: bytes, where: str) -> Weights:
    """The tensors of a safetensors file, of a ``torch.save`` state dict or of a checkpoint.

    Parameters
    ----------
    content : bytes
        The file.
    where : str
        How messages call it.

    Raises
    ------
    UntrustedModelError
        It is a program, or its tensors cannot be had without running code.
    ModelError
        It is no such file, damaged, compressed, or holds no tensors.
    """
    notes: tuple[str, ...] = ()
    try:
        loaded = load_content(content, where)
    except pickle.UnpicklingError as error:
        loaded, notes = _without_objects(content, where, error)
    tensors, container = _state_dict(loaded, where)
    beside, others = NNUNetCheckpoint(), _others(loaded, tensors, container)
    if container is not None and isinstance(loaded, Mapping):
        # A checkpoint of anything else may have other values under these names.
        with suppress(ValidationError):
            beside = NNUNetCheckpoint.model_validate(dict(loaded))
    return Weights(tensors, len(content), container, notes, beside, others)


def load_content(content: bytes, where: str) -> Any:
    """What a file of weights holds, by loaders that run nothing; raises as :func:`read_weights`."""
    if is_safetensors(content):
        import safetensors.torch

        try:
            return safetensors.torch.load(content)
        except Exception as error:  # its Rust side raises what it likes
            raise ModelError(f"{where} is not a readable safetensors file: {error}.") from None
    if content[:4] == b"PK\x03\x04":
        _check_archive(content, where)
    else:
        check_pickles(content, where)
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_NUMBERS):
            # Of pickle protocols, sparse tensors and the like; what is not usable is refused afterwards.
            warnings.simplefilter("ignore")
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # a damaged pickle can fail in any way
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ModelError(f"{where} is not a readable file of weights: {reason}.") from None


def _without_objects(content: bytes, where: str, error: Exception) -> tuple[Any, tuple[str, ...]]:
    if content[:4] == b"PK\x03\x04":
        loaded, left_out = recover(content, where)
        loaded = state_of_module(loaded) or loaded
        if _found(loaded)[0]:
            names = ", ".join(left_out[:4]) + (", ..." if len(left_out) > 4 else "")
            return loaded, (f"{where} also holds Python objects ({names}), which were left out unread.",)
    raise UntrustedModelError(
        f"{where} holds more than tensors ({_offender(error)}); unpickling it would run code, so it is "
        "refused. Save the weights alone: torch.save(model.state_dict(), ...)."
    ) from None


def is_safetensors(content: bytes) -> bool:
    """Whether the file is one of safetensors, by its first bytes."""
    header = int.from_bytes(content[:8], "little")
    return len(content) > 9 and header < _MOST_HEADER and content[8:9] == b"{"


def _check_archive(content: bytes, where: str) -> None:
    """Refuse what ``torch.save`` never writes (compressed members, links, paths that lead out) and code."""
    with open_zip(content, where) as archive:
        infos = zip_directory(archive, where)
        for info in infos:
            if info.filename.endswith("data.pkl") and info.compress_type == zipfile.ZIP_STORED:
                check_pickles(read_member(archive, info, where), where, 1)
    packed = next((info for info in infos if info.compress_type != zipfile.ZIP_STORED), None)
    if packed is not None:
        raise ModelError(
            f"{shown(packed.filename)} in {where} is compressed, which torch.save never does; it is refused."
        )
    if any(info.filename.endswith("/constants.pkl") for info in infos):
        raise UntrustedModelError(
            f"{where} is a TorchScript program, which is code and not weights alone; it is read only when "
            "trusted."
        )


def _offender(error: Exception) -> str:
    text = str(error)
    _, found, rest = text.partition("GLOBAL ")
    return rest.split(" ")[0] if found else "Python objects"


def _state_dict(loaded: Any, where: str) -> tuple[dict[str, Tensor], str | None]:
    """The state dict in what a file holds, which may be a checkpoint with the optimizer's state and more."""
    state, container = _found(loaded)
    if not state:
        held = type(loaded).__name__
        if isinstance(loaded, Mapping):
            held = ", ".join(shown(key) for key in list(loaded)[:8]) or "nothing"
        raise ModelError(f"{where} holds no state dict. It holds: {held}.")
    if len(state) > _MOST_TENSORS:
        raise ModelError(f"{where} holds {len(state):,} tensors; more than {_MOST_TENSORS:,} are not read.")
    for key, tensor in state.items():
        _check_tensor(key, tensor, where)
    return state, container


def _check_tensor(key: str, tensor: Tensor, where: str) -> None:
    """Refuse tensors that are not plain numbers in memory."""
    if len(key) > _LONGEST_KEY:
        raise ModelError(
            f"{where} has the key {shown(key)}, of {len(key):,} characters; that is not the name of a layer."
        )
    kind = None
    if tensor.is_quantized:
        kind = "quantized"
    elif tensor.layout != torch.strided or tensor.is_nested:
        kind = "sparse"
    elif tensor.device.type != "cpu":
        kind = "without values"
    elif tensor.dtype not in _DTYPES:
        kind = f"of {str(tensor.dtype).removeprefix('torch.')}"
    if kind is not None:
        raise ModelError(
            f"The tensor {shown(key)} in {where} is {kind}; it must be dense, of plain numbers. Save the "
            "model's weights as ordinary float32 tensors."
        )


def _others(loaded: Any, tensors: Mapping[str, Tensor], container: str | None) -> tuple[str, ...]:
    """Keys of a checkpoint whose tensors are called as those that were taken, whatever stands before."""
    if container is None or not isinstance(loaded, Mapping):
        return ()
    ends = {key.rpartition("module.")[2] for key in tensors}
    found = []
    for key, inner in loaded.items():
        beside = (
            {str(name).rpartition("module.")[2] for name in _tensors(inner)} if key != container else set()
        )
        if beside and len(beside & ends) >= _MOST_ALIKE * len(ends):
            found.append(shown(key, 40))
    return tuple(found)


def _found(loaded: Any) -> tuple[dict[str, Tensor], str | None]:
    state = _tensors(loaded)
    if state or not isinstance(loaded, Mapping):
        return state, None
    for key in (*_CONTAINERS, *_AVERAGES):
        inner = loaded.get(key)
        state = _tensors(inner) or state_of_module(inner)
        if state:
            return state, key
    return {}, None


def _tensors(value: Any) -> dict[str, Tensor]:
    if not isinstance(value, Mapping):
        return {}
    return {
        key: tensor for key, tensor in value.items() if isinstance(key, str) and isinstance(tensor, Tensor)
    }
