"""The keys of a file of weights, and those of the network they belong to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

__all__ = ["Matched", "match_keys", "unwrapped"]

# What frameworks put before the keys of a network that they wrap.
_WRAPPERS = ("module.", "_orig_mod.", "model.", "net.", "network.", "segmentation_model.", "_model.", "unet.")
_MOST_WRAPPERS = 10
_AVERAGE = re.compile(r"ema|teacher|average|swa|shadow|momentum")


@dataclass(frozen=True)
class Matched:
    """Tensors by the network's keys.

    Attributes
    ----------
    tensors : dict of str to Tensor
    keys : dict of str to str
        The file's key of each.
    prefix : str
        What stood before the keys.
    dropped : tuple of str
        The file's keys without that prefix, which are not the network's.
    rivals : tuple of str
        Other prefixes under which the whole network is found: means of its weights, a teacher and the like.
    """

    tensors: dict[str, Tensor]
    keys: dict[str, str]
    prefix: str
    dropped: tuple[str, ...]
    rivals: tuple[str, ...] = ()


def unwrapped(tensors: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """The tensors by their keys as they are, and then with one wrapper after the other taken off."""
    current = {key.replace("_orig_mod.", ""): tensor for key, tensor in tensors.items()}
    yield current
    for _ in range(_MOST_WRAPPERS):
        wrapper = next(
            (w for w in _WRAPPERS if sum(k.startswith(w) for k in current) > len(current) / 2), None
        )
        if wrapper is None:
            return
        current = {k.removeprefix(wrapper): t for k, t in current.items() if k.startswith(wrapper)}
        yield current


def match_keys(tensors: Mapping[str, Tensor], expected: Mapping[str, object]) -> Matched:
    """Take off the prefix under which most of the network's keys are found in the file.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        By the file's keys, such as ``state_dict()`` of a Lightning module has them.
    expected : mapping
        Keys are those of the network.

    Returns
    -------
    Matched
        Keys that start with the prefix and are not the network's are kept, so that they can be reported.
    """
    names = {key.replace("_orig_mod.", ""): key for key in tensors}
    votes: Counter[str] = Counter()
    for key in names:
        parts = key.split(".")
        for start in range(len(parts)):
            if ".".join(parts[start:]) in expected:
                votes["".join(f"{part}." for part in parts[:start])] += 1
    most = max(votes.values(), default=0)
    whole = [prefix for prefix, count in votes.items() if count == most]
    # Of several networks the one that was trained, not the mean of its weights over the training.
    whole.sort(key=lambda prefix: bool(_AVERAGE.search(prefix.lower())))
    prefix = whole[0] if whole else ""
    inside = {key.removeprefix(prefix): own for key, own in names.items() if key.startswith(prefix)}
    return Matched(
        tensors={key: tensors[own] for key, own in inside.items()},
        keys=inside,
        prefix=prefix,
        dropped=tuple(own for key, own in names.items() if not key.startswith(prefix)),
        rivals=tuple(whole[1:]) if most > 1 else (),
    )
