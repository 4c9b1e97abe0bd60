"""Weights into a network of their architecture and back into their file, without believing sizes."""

from __future__ import annotations

import io
from typing import Any

import torch
from torch import Tensor, nn

from napari_osuda.errors import ModelError, shown
from napari_osuda.models.architectures.library import build_network, build_skeleton
from napari_osuda.models.architectures.matching import match_keys
from napari_osuda.models.card import Architecture
from napari_osuda.models.files.weights import Weights, is_safetensors, load_content

__all__ = ["fits", "network_with_weights", "rewritten", "rivals_note"]

_SHOWN = 5


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
        elements = sum(tensor.numel() for tensor in [*skeleton.parameters(), *skeleton.buffers()])
        if elements > weights.size:
            raise ModelError(
                f"{where} claims {elements:,} weights for {architecture}, but has only {weights.size:,} "
                "bytes."
            )
    # Buffers that are computed, and one byte for a number.
    network = build_network(architecture, None if skeleton is not None else 8 * weights.size + 2**26)
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
    if is_safetensors(content):
        import safetensors.torch

        return safetensors.torch.save(
            {key: new.get(key, old).clone() for key, old in weights.tensors.items()}
        )
    loaded: Any = {weights.container: weights.tensors} if weights.container else weights.tensors
    if not weights.notes:
        loaded = load_content(content, where)
    state = loaded[weights.container] if weights.container else loaded
    for key, tensor in new.items():
        state[key] = tensor
    stream = io.BytesIO()
    torch.save(loaded, stream)
    return stream.getvalue()


def rivals_note(architecture: Architecture | None, weights: Weights) -> tuple[str, ...]:
    """A note where a file holds the whole network more than once."""
    skeleton = None if architecture is None else build_skeleton(architecture)
    if skeleton is None:
        return ()
    matched = match_keys(weights.tensors, skeleton.state_dict())
    if not matched.rivals:
        return ()
    others = ", ".join(shown(prefix.rstrip("."), 40) for prefix in matched.rivals[:4])
    used = shown(matched.prefix.rstrip("."), 40)
    return (f"The file holds the network more than once: {used} is used, and not {others}.",)


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
