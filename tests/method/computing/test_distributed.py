"""Several processes make the adaptation of one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import two_processes
from hypothesis import given
from hypothesis import strategies as st
from threads_together import together

from napari_osuda.errors import ConfigError, OsudaError
from napari_osuda.method import adapt, preset, statistics
from napari_osuda.method.computing import distributed
from napari_osuda.method.computing.distributed import ALONE, Processes, launched

HELPERS = Path(two_processes.__file__).parent


@given(size=st.integers(1, 40), count=st.integers(1, 9))
def test_the_shares_of_a_batch_are_the_batch(size, count):
    batch = torch.arange(size)
    shares = [Processes(rank, count).share(batch) for rank in range(count)]
    assert torch.equal(torch.cat([share.part for share in shares if share.own > 0.0]), batch)
    assert sum(shares[0].weights) == pytest.approx(1.0)
    assert max(shares[0].weights) - min(shares[0].weights) <= 1.0 / size + 1e-12
    for share in shares:
        assert len(share.part) == max(round(share.own * size), 1)


def test_one_process_shares_with_nobody():
    batch = torch.randn(3, 2)
    share = ALONE.share(batch)
    assert torch.equal(share.part, batch)
    assert share.mean(batch) is batch
    assert Processes.present() is ALONE
    assert ALONE.as_the_first(lambda: 3) == 3
    assert [ALONE.any(holds) for holds in (True, False)] == [True, False]
    assert ALONE.agree(2)


@pytest.mark.parametrize(("numbers", "same"), [([3, 3], True), ([3, 0], False), ([0, 3], False)])
def test_processes_agree_where_all_say_the_same(monkeypatch, numbers, same):
    monkeypatch.setattr(Processes, "gathered", lambda self, value: torch.tensor(numbers))
    assert Processes(1, 2).agree(3) is same


@pytest.mark.parametrize(
    ("error", "kind"),
    [(RuntimeError("Connection closed by peer"), OsudaError), (MemoryError(), MemoryError)],
)
def test_where_another_process_has_ended_a_sentence_says_so(monkeypatch, error, kind):
    def fail(*args, **kwargs):
        raise error

    for name in ("all_reduce", "all_gather", "broadcast_object_list"):
        monkeypatch.setattr(distributed.dist, name, fail)
    monkeypatch.setattr(distributed.dist, "get_backend", lambda: "gloo")
    processes = Processes(0, 2)
    for exchange in (processes.total, processes.gathered, lambda x: processes.as_the_first(lambda: 1)):
        with pytest.raises(kind, match="has ended" if kind is OsudaError else None):
            exchange(torch.zeros(2))


def test_a_gpu_by_its_number_is_no_device_for_several(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="Choose cuda"), launched("cuda:1"):
        pass
    monkeypatch.delenv("TORCHELASTIC_RUN_ID")
    with launched("cpu") as joined:
        assert joined == (ALONE, "cpu")


def test_two_processes_come_to_what_one_comes_to(tmp_path):
    two_processes.run(HELPERS / "two_processes.py", str(tmp_path))
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    alone = {name: two_processes.came_to(name) for name in two_processes.SETTINGS}
    alone["sum, layer by layer"] = alone["sum"]
    for name, expected in alone.items():
        check_the_same(expected, first[name], second[name], name)


def check_the_same(alone, first, second, name):
    for key, value in alone.items():
        # Reports are float32; parameters and statistics are met to rounding in float64.
        exact = value.dtype == torch.float64
        torch.testing.assert_close(
            first[key], value, rtol=1e-8 if exact else 1e-5, atol=1e-9 if exact else 1e-6,
            msg=lambda text, where=f"{name}: {key}": f"{where}: {text}",
        )  # fmt: skip
        # To the bit, or they would drift apart.
        assert torch.equal(first[key], second[key]), (name, key)


@pytest.mark.parametrize("layer_by_layer", [False, True])
@pytest.mark.parametrize("name", two_processes.SETTINGS)
def test_two_threads_in_their_place_come_to_the_same(monkeypatch, name, layer_by_layer):
    alone = two_processes.came_to(name)
    if layer_by_layer:
        monkeypatch.setattr(statistics, "_AT_ONCE", 0)
    both = together(2, lambda processes: two_processes.came_to(name, processes), monkeypatch)
    check_the_same(alone, *both, name)


def test_what_processes_say_to_each_other(monkeypatch):
    def work(processes):
        third = processes.rank == 2
        return (
            processes.as_the_first(lambda: f"rank {processes.rank}"),
            [processes.any(third), processes.any(False)],
            [processes.agree(7), processes.agree(processes.rank)],
            processes.share(torch.arange(6.0)).mean(torch.tensor(float(processes.rank))),
            processes.gathered(torch.tensor([processes.rank])),
        )

    for said, anybody, agreed, mean, gathered in together(3, work, monkeypatch):
        assert (said, anybody, agreed) == ("rank 0", [True, False], [True, False])
        torch.testing.assert_close(mean, torch.tensor(1.0))
        assert gathered.tolist() == [[0], [1], [2]]


@pytest.mark.parametrize("method", ["sar", "cruda", "osuda-mc", "grata", "muvi"])
def test_what_needs_the_whole_batch_in_one_process_is_refused(unet, batches, method):
    with pytest.raises(ConfigError, match="without torchrun"):
        adapt(unet, batches, preset(method, class_ratio=(0.5, 0.3, 0.2)), processes=Processes(0, 2))
