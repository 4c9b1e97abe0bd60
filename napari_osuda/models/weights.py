"""Weights from a stranger's file into a network, without running anything and without believing sizes."""

from __future__ import annotations

import io
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy._core.multiarray import scalar
from torch import Tensor, nn

from napari_osuda.errors import ModelError, UntrustedModelError
from napari_osuda.models.architectures import build_network, build_skeleton
from napari_osuda.models.card import Architecture
from napari_osuda.models.matching import match_keys
from napari_osuda.models.packages import zip_directory
from napari_osuda.models.pickles import recover, state_of_module

__all__ = ["Weights", "fits", "network_with_weights", "read_weights", "rewritten"]

# Numbers of numpy, as frameworks put their metrics beside the weights, under numpy 1's and numpy 2's names.
_NUMBERS: list[Any] = [
    np.dtype,
    *((scalar, f"{module}.scalar") for module in ("numpy.core.multiarray", "numpy._core.multiarray")),
    *(type(np.dtype(name)) for name in ("f4", "f8", "i4", "i8", "b1")),
]
_CONTAINERS = ("state_dict", "model_state_dict", "network_weights", "model", "net", "weights")
_SHOWN = 5
_DEEPEST = 12


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
    beside : dict
        What else a checkpoint says, as far as it is texts, numbers and containers of them.
    """

    tensors: dict[str, Tensor]
    size: int
    container: str | None = None
    notes: tuple[str, ...] = ()
    beside: dict[str, Any] = field(default_factory=dict, repr=False)


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
        loaded = _read(content, where)
    except pickle.UnpicklingError as error:
        loaded, notes = _without_objects(content, where, error)
    tensors, container = _state_dict(loaded, where)
    beside: dict[str, Any] = {}
    if container is not None and isinstance(loaded, Mapping):
        beside = {str(key): value for key, value in loaded.items() if _is_plain(value)}
    return Weights(tensors, len(content), container, notes, beside)


def _is_plain(value: Any, depth: int = 0) -> bool:
    if isinstance(value, Mapping) and depth < _DEEPEST:
        return all(isinstance(key, str | int) and _is_plain(inner, depth + 1) for key, inner in value.items())
    if isinstance(value, list | tuple) and depth < _DEEPEST:
        return all(_is_plain(inner, depth + 1) for inner in value)
    return value is None or isinstance(value, str | int | float | bool)


def _read(content: bytes, where: str) -> Any:
    if _is_safetensors(content):
        import safetensors.torch

        try:
            return safetensors.torch.load(content)
        except Exception as error:  # its Rust side raises what it likes
            raise ModelError(f"{where} is not a readable safetensors file: {error}.") from None
    if content[:4] == b"PK\x03\x04":
        _check_archive(content, where)
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_NUMBERS):
            # Checkpoints in a newer pickle protocol are read all the same.
            warnings.filterwarnings("ignore", message="Detected pickle protocol")
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


def _is_safetensors(content: bytes) -> bool:
    return len(content) > 9 and int.from_bytes(content[:8], "little") < 2**27 and content[8:9] == b"{"


def _check_archive(content: bytes, where: str) -> None:
    """Refuse what ``torch.save`` never writes (compressed members, links, paths that lead out) and code."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = zip_directory(archive, where)
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise ModelError(f"{where} is not a readable file of weights: {error}.") from None
    packed = next((info for info in infos if info.compress_type != zipfile.ZIP_STORED), None)
    if packed is not None:
        raise ModelError(
            f"'{packed.filename}' in {where} is compressed, which torch.save never does; it is refused."
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
    """The state dict in what a file holds, which may be a checkpoint with the optimiser's state and more."""
    state, container = _found(loaded)
    if not state:
        held = type(loaded).__name__
        if isinstance(loaded, Mapping):
            held = ", ".join(str(key) for key in list(loaded)[:8]) or "nothing"
        raise ModelError(f"{where} holds no state dict. It holds: {held}.")
    return state, container


def _found(loaded: Any) -> tuple[dict[str, Tensor], str | None]:
    state = _tensors(loaded)
    if state or not isinstance(loaded, Mapping):
        return state, None
    for key in _CONTAINERS:
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


def network_with_weights(architecture: Architecture, weights: Weights, where: str) -> nn.Module:
    """The network of the architecture with the weights in it, once every shape is known to fit.

    Parameters
    ----------
    architecture : Architecture
        Of the closed list.
    weights : Weights
        Whatever stands before their keys is taken off.
    where : str
        How messages call the file.

    Returns
    -------
    nn.Module
        float32, on the CPU, in eval mode.

    Raises
    ------
    ModelError
        Keys or shapes differ (the first that do are listed), the network has more elements than the file
        has bytes, or the architecture cannot be built.
    """
    skeleton = build_skeleton(architecture)
    if skeleton is not None:
        state = _check_fit(skeleton, weights, architecture, where)
        elements = sum(tensor.numel() for tensor in skeleton.parameters())
        if elements > weights.size:
            raise ModelError(
                f"{where} claims {elements:,} weights for {architecture}, but has only {weights.size:,} "
                "bytes."
            )
    network = build_network(architecture)
    if skeleton is None:
        state = _check_fit(network, weights, architecture, where)
    own = network.state_dict()
    # Old files have no counters of batches; their values are not used.
    kept = {key: value for key, value in own.items() if key.endswith("num_batches_tracked")}
    network.load_state_dict({**kept, **state}, strict=True)
    return network.float().eval()


def rewritten(content: bytes, weights: Weights, adapted: nn.Module, where: str) -> bytes:
    """The file of weights with adapted values in the place of the old ones: keys, dtypes and the rest stay.

    Parameters
    ----------
    content : bytes
        The file that ``weights`` were read from.
    weights : Weights
    adapted : nn.Module
        The network that they were loaded into, adapted.
    where : str
        How messages call the file.

    Returns
    -------
    bytes
        Of a checkpoint with Python objects that were left out, the weights alone.
    """
    values = adapted.state_dict()
    keys = match_keys(weights.tensors, values).keys
    new = {own: values[key].to(weights.tensors[own].dtype).contiguous() for key, own in keys.items()}
    if _is_safetensors(content):
        import safetensors.torch

        return safetensors.torch.save(
            {key: new.get(key, old).clone() for key, old in weights.tensors.items()}
        )
    loaded: Any = {weights.container: weights.tensors} if weights.container else weights.tensors
    if not weights.notes:
        loaded = _read(content, where)
    state = loaded[weights.container] if weights.container else loaded
    for key, tensor in new.items():
        state[key] = tensor
    stream = io.BytesIO()
    torch.save(loaded, stream)
    return stream.getvalue()


def fits(architecture: Architecture, weights: Weights) -> bool:
    """Whether the weights are exactly those of the architecture, by keys and shapes."""
    skeleton = build_skeleton(architecture)
    if skeleton is None:
        return False
    try:
        _check_fit(skeleton, weights, architecture, "")
    except ModelError:
        return False
    return True


def _check_fit(
    network: nn.Module, weights: Weights, architecture: Architecture, where: str
) -> dict[str, Tensor]:
    """The tensors by the network's own keys, or a ModelError that lists what differs first."""
    own = network.state_dict()
    expected = {key: tuple(value.shape) for key, value in own.items() if isinstance(value, Tensor)}
    state = match_keys(weights.tensors, expected).tensors
    _fill_aliases(network, state)
    missing = [key for key in expected if key not in state and not key.endswith("num_batches_tracked")]
    unexpected = [key for key in state if key not in expected]
    shapes = [
        f"{key} is {_shape(state[key].shape)} in the file and {_shape(shape)} in the network"
        for key, shape in expected.items()
        if key in state and tuple(state[key].shape) != shape
    ]
    reasons = []
    if shapes:
        reasons.append("; ".join(shapes[:_SHOWN]) + _more(shapes))
    if missing:
        reasons.append(f"missing in the file: {', '.join(missing[:_SHOWN])}{_more(missing)}")
    if unexpected:
        reasons.append(f"not in the network: {', '.join(unexpected[:_SHOWN])}{_more(unexpected)}")
    if reasons:
        raise ModelError(f"{where} does not fit {architecture}. {'. '.join(reasons)}.")
    return state


def _fill_aliases(network: nn.Module, state: dict[str, Tensor]) -> None:
    """Give every name of a shared tensor what the file has under one of them; some formats keep only one."""
    names: dict[int, list[str]] = {}
    for named in (network.named_parameters, network.named_buffers):
        for name, tensor in named(remove_duplicate=False):
            names.setdefault(id(tensor), []).append(name)
    for group in names.values():
        held = next((state[name] for name in group if name in state), None)
        if held is not None:
            state.update({name: held for name in group if name not in state})


def _shape(shape: Any) -> str:
    return " x ".join(str(n) for n in shape) or "a scalar"


def _more(items: list[str]) -> str:
    return f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
