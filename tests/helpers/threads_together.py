"""Threads in place of processes that adapt together: what they exchange goes through one room."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch

from napari_osuda.method.computing import distributed
from napari_osuda.method.computing.distributed import Processes

# A thread that has failed lets the others wait no longer.
PATIENCE = 60.0


class Room:
    """Where threads wait for each other, and take what each has brought."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.own = threading.local()
        self._all_here = threading.Barrier(count, timeout=PATIENCE)
        self._brought: list[Any] = [None] * count

    def meet(self, value: Any) -> list[Any]:
        """What all have brought, in the order of their ranks."""
        self._brought[self.own.rank] = value
        self._all_here.wait()
        taken = list(self._brought)
        self._all_here.wait()
        return taken

    def all_reduce(self, value: torch.Tensor) -> None:
        value.copy_(torch.stack(self.meet(value.clone())).sum(0))

    def all_gather(self, received: list[torch.Tensor], value: torch.Tensor) -> None:
        for place, brought in zip(received, self.meet(value.clone()), strict=True):
            place.copy_(brought)

    def broadcast_object_list(self, said: list[Any], src: int, device: torch.device) -> None:
        said[:] = self.meet(list(said))[src]

    def run(self, work: Callable[[Processes], Any], rank: int) -> Any:
        self.own.rank = rank
        try:
            return work(Processes(rank, self.count))
        except BaseException:
            self._all_here.abort()
            raise


def together(count: int, work: Callable[[Processes], Any], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What ``work`` comes to in each of ``count`` threads, which take each other for processes."""
    room = Room(count)
    for name in ("all_reduce", "all_gather", "broadcast_object_list"):
        monkeypatch.setattr(distributed.dist, name, getattr(room, name))
    monkeypatch.setattr(distributed.dist, "get_backend", lambda: "gloo")
    with ThreadPoolExecutor(count) as pool:
        return [job.result() for job in [pool.submit(room.run, work, rank) for rank in range(count)]]
