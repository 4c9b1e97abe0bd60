from __future__ import annotations

import time

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from napari_osuda.method import AdaptationConfig, adapt
from napari_osuda.method.computing import queue
from napari_osuda.method.computing.queue import arriving, has_queue, sent, timed

CPU = torch.device("cpu")
# What makes the processor wait for a GPU: values that come back, and shapes that depend on values.
WAITING = ("aten::_local_scalar_dense", "aten::bincount", "aten::nonzero", "aten::masked_select",
           "aten::_unique2", "aten::is_nonzero", "aten::equal")  # fmt: skip


class Waiting(TorchDispatchMode):
    """Notes each operation that would make the processor wait."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.name().partition(".")[0]
        if name in WAITING:
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


def noting(name, seen):
    """A method of tensors that notes that it was called."""
    method = getattr(torch.Tensor, name)

    def noted(*args, **kwargs):
        seen.append(name)
        return method(*args, **kwargs)

    return noted


def waits_of_a_step(adaptation, monkeypatch):
    """What the next step waits for, by torch's operations and by methods that none of them shows."""
    with monkeypatch.context() as patch, Waiting() as waiting:
        for name in ("cpu", "numpy", "tolist"):
            patch.setattr(torch.Tensor, name, noting(name, waiting.seen))
        next(adaptation)
    return waiting.seen


def configs():
    yield AdaptationConfig()
    yield AdaptationConfig(hbs="proximal", statistics="momentum", inference_statistics="running")
    yield AdaptationConfig(optimizer="sgd", parameters="affine", channel_weighting="uniform")


def test_a_step_on_a_gpu_waits_for_nothing_and_reads_the_report_of_the_one_before(
    unet, batches, queue_of_a_gpu, monkeypatch
):
    waits = queue_of_a_gpu()
    for config in configs():
        adaptation, asked = adapt(unet, batches, config), len(waits)
        next(adaptation)
        assert len(waits) == asked
        assert waits_of_a_step(adaptation, monkeypatch) == []
        assert len(waits) == asked + 1


def test_the_count_sees_what_waits(unet, batches, monkeypatch):
    adaptation = adapt(unet, batches)
    next(adaptation)
    assert "aten::_local_scalar_dense" in waits_of_a_step(adaptation, monkeypatch)


def test_a_queue_changes_no_figure(unet, batches, queue_of_a_gpu):
    for config in configs():
        here = list(adapt(unet, batches, config))
        queue_of_a_gpu()
        there = list(adapt(unet, batches, config))
        for one, other in zip(here, there, strict=True):
            torch.testing.assert_close(one.loss, other.loss, rtol=1e-4, atol=1e-6)
            torch.testing.assert_close(one.gamma_shift, other.gamma_shift, rtol=1e-3, atol=1e-6)
            assert one.dead_channels == other.dead_channels


def test_what_a_processor_is_sent_and_gives_is_as_it_was():
    x = torch.arange(3.0)
    assert not has_queue(CPU)
    assert has_queue(torch.device("cuda"))
    assert sent(x, CPU) is x
    assert arriving(x)().tolist() == [0.0, 1.0, 2.0]
    end = timed(CPU)
    time.sleep(0.002)
    assert 0.002 <= end()() < 1.0


class Place:
    """A place in the queue of a GPU, which notes what is asked of it."""

    asked: list

    def __init__(self, *, enable_timing=False):
        self.timing = enable_timing

    def record(self):
        self.asked.append("record")

    def synchronize(self):
        self.asked.append("wait")

    def elapsed_time(self, last):
        assert self.timing
        assert last.timing
        return 1500.0


@pytest.fixture
def asked(monkeypatch):
    """What is asked of a GPU, which is the processor that has to pass for one."""
    seen = []
    monkeypatch.setattr(Place, "asked", seen, raising=False)
    monkeypatch.setattr(torch.cuda, "Event", Place)
    monkeypatch.setattr(queue, "has_queue", lambda device: True)
    return seen


def noted(seen, method, *names):
    """``method``, noting its arguments of these names, which the processor's own kind does not take."""

    def note(*args, **kwargs):
        seen.append(tuple(kwargs.pop(name) for name in names))
        return method(*args, **kwargs)

    return note


def test_figures_come_back_into_pinned_memory_and_are_waited_for_when_they_are_read(asked, monkeypatch):
    monkeypatch.setattr(torch, "empty", noted(asked, torch.empty, "pin_memory"))
    monkeypatch.setattr(torch.Tensor, "copy_", noted(asked, torch.Tensor.copy_, "non_blocking"))
    read = arriving(torch.arange(3.0))
    assert asked == [(True,), (True,), "record"]
    assert read().tolist() == [0.0, 1.0, 2.0]
    assert asked[3:] == ["wait"]


def test_the_seconds_of_a_gpu_lie_between_two_places_in_its_queue(asked):
    end = timed(torch.device("cuda"))
    assert asked == ["record"]
    read = end()
    assert asked == ["record", "record"]
    assert read() == 1.5


def test_what_a_gpu_is_sent_is_pinned_and_nobody_waits(asked, monkeypatch):
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda x: asked.append("pinned") or x)
    monkeypatch.setattr(torch.Tensor, "to", lambda x, device, **how: asked.append((device, how)) or x)
    there, x = torch.device("meta"), torch.arange(3.0)
    sent(x, there)
    assert asked == ["pinned", (there, {"non_blocking": True})]
    # What is there already is not pinned, and what has no queue is sent plainly.
    sent(x, CPU)
    monkeypatch.setattr(queue, "has_queue", lambda device: False)
    sent(x, there)
    assert asked[2:] == [(CPU, {}), (there, {})]
