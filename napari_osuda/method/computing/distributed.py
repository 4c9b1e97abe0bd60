"""One adaptation on several processes (torch.distributed): each takes its share of every batch.

What a batch decides is decided by the whole of it: its statistics (eqs. 3 and 5), its loss and the gradient
through both. So the processes together make the steps that one makes with the same batches, to rounding.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from napari_osuda.errors import ConfigError, OsudaError, out_of_memory

__all__ = ["ALONE", "Processes", "Share", "launched", "launched_count"]

_T = TypeVar("_T")

# A whole target is segmented by one process while the others wait.
_PATIENCE = datetime.timedelta(days=7)


@dataclass(frozen=True)
class Processes:
    """The processes that adapt one network together, as one of them sees them.

    Attributes
    ----------
    rank : int
        Which one this is; 0 is the one that tells and writes.
    count : int
        How many there are; 1 communicates with nobody.

    Notes
    -----
    Each must make the same calls in the same order: a call waits for that of all others.
    """

    rank: int = 0
    count: int = 1

    @classmethod
    def present(cls) -> Processes:
        """Those of torch.distributed's default group; this one alone where none was begun."""
        if not (dist.is_available() and dist.is_initialized()):
            return ALONE
        return cls(dist.get_rank(), dist.get_world_size())

    def share(self, batch: Tensor) -> Share:
        """The part that this process has of a batch [B, ...], divided as evenly as can be."""
        ends = [len(batch) * (rank + 1) // self.count for rank in range(self.count)]
        sizes = [end - start for start, end in zip([0, *ends], ends, strict=False)]
        # Who has nothing to do goes along with the first sample, at no weight: every call waits for all.
        start = ends[self.rank] - sizes[self.rank] if sizes[self.rank] else 0
        part = batch[start : start + max(sizes[self.rank], 1)]
        return Share(part, tuple(size / len(batch) for size in sizes), self)

    def total(self, value: Tensor) -> Tensor:
        """The sum over all processes, the same bits in each; no gradient goes through it."""
        if self.count == 1:
            return value
        sent = value.detach().to(_carrier(), copy=True).contiguous()
        with _exchange():
            dist.all_reduce(sent)
        return sent.to(value.device)

    def gathered(self, value: Tensor) -> Tensor:
        """The values of all processes, [count, ...], in the order of their ranks."""
        sent = value.detach().to(_carrier()).contiguous()
        received = [torch.empty_like(sent) for _ in range(self.count)]
        with _exchange():
            dist.all_gather(received, sent)
        return torch.stack(received).to(value.device)

    def sum_gradients(self, parameters: list[nn.Parameter]) -> None:
        """Put the sum of all processes' gradients in the place of each one's, in a single exchange."""
        if self.count == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        if not gradients:
            return
        summed = self.total(torch.cat([gradient.flatten() for gradient in gradients]))
        sizes = [gradient.numel() for gradient in gradients]
        for gradient, part in zip(gradients, torch.split(summed, sizes), strict=True):
            gradient.copy_(part.view(gradient.shape))

    def any(self, holds: bool) -> bool:
        """Whether it holds in any process; also a place where all wait for the last."""
        if self.count == 1:
            return holds
        return bool(self.total(torch.tensor(float(holds))))

    def agree(self, number: int) -> bool:
        """Whether it is the same in every process; also a place where all wait for the last."""
        if self.count == 1:
            return True
        numbers = self.gathered(torch.tensor(number))
        return bool((numbers == numbers[0]).all())

    def as_the_first(self, decide: Callable[[], _T]) -> _T:
        """What the first process decides; the others do not decide for themselves."""
        if self.count == 1:
            return decide()
        said: list[_T | None] = [decide() if self.rank == 0 else None]
        with _exchange():
            dist.broadcast_object_list(said, src=0, device=_carrier())
        return said[0]  # type: ignore[return-value]


ALONE = Processes()
"""One process, as a network is adapted usually."""


def launched_count() -> int:
    """How many processes ``torchrun`` has begun; 1 without it."""
    # Set by torchrun alone: schedulers set WORLD_SIZE too, for tasks that have nothing to do with each other.
    return int(os.environ.get("WORLD_SIZE", "1")) if "TORCHELASTIC_RUN_ID" in os.environ else 1


@contextmanager
def launched(device: str = "auto") -> Iterator[tuple[Processes, str]]:
    """Join the processes that ``torchrun`` has begun: which they are, and the device of this one.

    Parameters
    ----------
    device : str
        What was asked for. With "auto" and "cuda" each process of a machine has a GPU of its own (NCCL), and
        where there is none they compute on the CPU (gloo).

    Raises
    ------
    ConfigError
        A machine has fewer GPUs than processes, or one GPU was asked for by its number.
    """
    if launched_count() == 1:
        yield ALONE, device
        return
    if ":" in device:
        raise ConfigError(f"Each process needs a GPU of its own; they cannot share '{device}'. Choose cuda.")
    gpus = device in ("auto", "cuda") and torch.cuda.is_available()
    if gpus:
        own = int(os.environ.get("LOCAL_RANK", "0"))
        if own >= torch.cuda.device_count():
            raise ConfigError(
                f"There are more processes than GPUs here ({torch.cuda.device_count()}). Begin as many as "
                "there are GPUs, or choose the device cpu."
            )
        torch.cuda.set_device(own)
    dist.init_process_group("nccl" if gpus else "gloo", timeout=_PATIENCE)
    yield Processes.present(), (f"cuda:{own}" if gpus else "cpu" if device == "auto" else device)
    # After a failure the process ends, and must not wait for the others any more.
    dist.destroy_process_group()


@contextmanager
def _exchange() -> Iterator[None]:
    """Word it where another process is no longer there: that one has told what was wrong."""
    try:
        yield
    except RuntimeError as error:
        if out_of_memory(error):
            raise
        raise OsudaError(
            "Another of the processes that adapt together has ended. What it printed tells why. Begin all of "
            "them again.",
            command="With --resume they go on from the last state.",
        ) from error


def _carrier() -> torch.device:
    """Where tensors must be to be exchanged."""
    return torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")


@dataclass(frozen=True)
class Share:
    """A process's share of a batch.

    Attributes
    ----------
    part : Tensor, shape [b, ...]
        Never empty: of no weight where there is nothing left to do.
    weights : tuple of float
        Each process's part of the batch, 0 to 1; they sum to 1.
    processes : Processes
    """

    part: Tensor
    weights: tuple[float, ...]
    processes: Processes

    @property
    def own(self) -> float:
        """The weight of this process's part."""
        return self.weights[self.processes.rank]

    def mean(self, value: Tensor) -> Tensor:
        """The mean over the whole batch of what is a mean over each part, without gradient."""
        return value if self.processes.count == 1 else self.processes.total(self.own * value.detach())

    def statistics(self, mean: Tensor, var: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and biased variance [C] of the whole batch, from those of this part.

        See `napari_osuda.method.statistics.Moments` for the source of the formula.
        """
        if self.processes.count == 1:
            return mean, var
        means, variances = self.processes.gathered(torch.stack((mean, var))).unbind(1)
        weights = torch.tensor(self.weights, dtype=mean.dtype, device=mean.device)[:, None]
        whole = (weights * means).sum(0)
        return whole, (weights * (variances + (means - whole).square())).sum(0)
