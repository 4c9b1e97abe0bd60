"""The states that an adaptation has gone through: a bounded set of them, any of which can be had again."""

from __future__ import annotations

import copy
import re
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from napari_osuda.errors import OutputError
from napari_osuda.method import Adaptation
from napari_osuda.models.files.weights import load_content
from napari_osuda.session.run_folder.saved_state import write_state

__all__ = ["NetworkState", "Timeline", "network_at"]

# Small states (affine parameters: kilobytes) are all kept up to this many; large ones share the bytes.
_MOST = 512
_BYTES = 512 * 2**20
_FEWEST = 4
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class NetworkState:
    """What an adaptation was after some iterations.

    Attributes
    ----------
    iteration : int
        How many were done.
    changed : dict of str to Tensor
        All of the network's tensors that are no longer the source model's.
    seen : dict of str to Tensor
        Mean and biased variance [C] of each BN layer's input in the last of these steps, by the name of the
        buffers that hold the source's.
    eta, source_share : float
        The source's share in the statistics of that step (eq. 3), and in those at inference.
    """

    iteration: int
    changed: dict[str, Tensor]
    seen: dict[str, Tensor]
    eta: float
    source_share: float

    @classmethod
    def of(cls, adaptation: Adaptation, source: dict[str, Tensor], eta: float) -> NetworkState:
        """The state of an adaptation at this moment; ``source`` is the state dict that it began from."""
        changed = {
            name: tensor.detach().cpu().clone()
            for name, tensor in adaptation.model.state_dict().items()
            if not torch.equal(tensor.cpu(), source[name])
        }
        seen = {name: tensor.cpu().clone() for name, tensor in adaptation.batch_statistics().items()}
        return cls(adaptation.t, changed, seen, eta, adaptation.source_share)

    @property
    def bytes(self) -> int:
        """Its size."""
        return sum(t.numel() * t.element_size() for t in (*self.changed.values(), *self.seen.values()))


class _Fields(BaseModel):
    """A state's file, typed: anybody may have written it."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", strict=True)

    iteration: int
    changed: dict[str, Tensor]
    seen: dict[str, Tensor]
    eta: float
    source_share: float


def _require_fit(state: NetworkState, iteration: int, source: Mapping[str, Tensor]) -> None:
    """Raise ValueError or KeyError where a state is not one of this network after so many iterations."""
    if state.iteration != iteration:
        raise ValueError("it is of another iteration")
    for name, tensor in (*state.changed.items(), *state.seen.items()):
        if (
            tensor.shape != source[name].shape
            or tensor.is_floating_point() != source[name].is_floating_point()
        ):
            raise ValueError(f"{name} is another")


class Timeline:
    """The states of one run: in its folder where it has one, in memory otherwise.

    Parameters
    ----------
    source : nn.Module
        What the run began from.
    folder : Path or None
        Where the states are written; those of a run that is resumed are found again.

    Notes
    -----
    Small states are all kept, 512 at most; where all weights train, as many as 512 MB hold (never fewer
    than 4). Where there are more iterations, every second, every fourth, ... is kept, and the newest.
    """

    def __init__(self, source: nn.Module, folder: Path | None, *, most: int = _MOST) -> None:
        self._source = {name: tensor.detach().cpu() for name, tensor in source.state_dict().items()}
        self._folder = folder
        self._most = most
        self._stride = 1
        self._lock = threading.Lock()
        self._held: dict[int, NetworkState | None] = {}
        if folder is not None and folder.is_dir():
            found = sorted(int(path.stem) for path in folder.glob("*.pt") if _NUMBER.fullmatch(path.stem))
            self._held = dict.fromkeys(found)
        self._kept = tuple(sorted(self._held))

    @property
    def kept(self) -> tuple[int, ...]:
        """After how many iterations there is a state, ascending."""
        # Never waits: a window asks while a state may be being written.
        return self._kept

    def keep(self, adaptation: Adaptation, eta: float) -> None:
        """Take in the state of an adaptation after a step of share ``eta``."""
        state = NetworkState.of(adaptation, self._source, eta)
        most = min(self._most, max(_BYTES // max(state.bytes, 1), _FEWEST))
        with self._lock:
            newest = max(self._held, default=0)
            if newest and newest % self._stride and newest < state.iteration:
                # It was kept for being the newest only.
                self._drop(newest)
            while len(self._held) >= most:
                self._stride *= 2
                spare = [n for n in self._held if n % self._stride]
                for n in spare:
                    self._drop(n)
            self._write(state)
            self._held[state.iteration] = None if self._folder is not None else state
            self._kept = tuple(sorted(self._held))

    def state(self, iteration: int) -> NetworkState:
        """The state after so many iterations.

        Raises
        ------
        OutputError
            There is none, or its file cannot be read.
        """
        with self._lock:
            if iteration not in self._held:
                raise OutputError(
                    f"No state of iteration {iteration} was kept; kept are "
                    f"{', '.join(map(str, self._held)) or 'none'}."
                )
            state = self._held[iteration]
            if state is not None:
                return state
            path = self._path(iteration)
            try:
                if not path.is_file():
                    raise ValueError("no file")
                fields = _Fields.model_validate(load_content(path.read_bytes(), path.name))
                state = NetworkState(**dict(fields))
                _require_fit(state, iteration, self._source)
                return state
            except Exception as error:  # a damaged pickle can fail in any way
                raise OutputError(f"The state of iteration {iteration} ({path}) cannot be read.") from error

    def remove(self) -> None:
        """Forget all states, and their files."""
        with self._lock:
            self._held.clear()
            self._kept = ()
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)

    def _write(self, state: NetworkState) -> None:
        if self._folder is not None:
            fields = {name: getattr(state, name) for name in NetworkState.__dataclass_fields__}
            write_state(self._path(state.iteration), fields)

    def _drop(self, iteration: int) -> None:
        del self._held[iteration]
        self._kept = tuple(n for n in self._kept if n != iteration)
        if self._folder is not None:
            self._path(iteration).unlink(missing_ok=True)

    def _path(self, iteration: int) -> Path:
        assert self._folder is not None
        return self._folder / f"{iteration:06d}.pt"


def network_at(
    state: NetworkState, source: nn.Module, *, into: nn.Module | None = None, share: float | None = None
) -> nn.Module:
    """The network as it was, plain and in eval mode.

    Parameters
    ----------
    state : NetworkState
        Of a run that began from ``source``.
    source : nn.Module
        Left as it is.
    into : nn.Module, optional
        A copy of ``source`` to write into, which spares making one.
    share : float, optional
        The source's share in its statistics, the rest being those of the state's batch: ``state.eta``
        restores eq. 3 of that step, ``state.source_share`` comes near the finished model's, whose
        statistics are gathered over the whole target. Without it the stored statistics are left alone.

    Returns
    -------
    nn.Module
    """
    network = copy.deepcopy(source) if into is None else into
    original = source.state_dict()
    tensors = {**original, **state.changed}
    if share is not None:
        for name, seen in state.seen.items():
            held = tensors[name]
            tensors[name] = torch.lerp(seen.to(held), held, share)
    network.load_state_dict(tensors)
    return network.eval()
