from __future__ import annotations

import time

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from napari_osuda.method import AdaptationConfig, adapt
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
