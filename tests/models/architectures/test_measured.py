"""Operations of a program are bounded before they make anything."""

from __future__ import annotations

import pytest
import torch
from torch import fx

from napari_osuda.errors import ModelError
from napari_osuda.models.architectures import measured as measure
from napari_osuda.models.architectures.measured import measured
from napari_osuda.models.architectures.probing import forward
from napari_osuda.models.architectures.programs import Program

resource = pytest.importorskip("resource", reason="memory is limited by POSIX")

IMAGE = (1, 1, 64, 64)


def test_what_a_network_does_goes_through_unchanged() -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU()).eval()
    image = torch.randn(IMAGE)
    expected = network(image)
    with measured("m.onnx", IMAGE):
        found = network(image)
        # The result of these hangs on values, or is a view, or is in place.
        assert torch.nonzero(image > 0).shape[1] == 4
        assert image[image > 0].numel()
        image.expand(10**6, 1, 64, 64)
        image.mul_(1.0)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: torch.zeros(10**5, 10**5),
        lambda x: torch.full((10**5, 10**5), 1.0),
        lambda x: torch.arange(10**10),
        lambda x: x.repeat(1, 1, 2000, 2000),
        lambda x: x.expand(10**6, 1, 64, 64).contiguous(),
        lambda x: torch.nn.functional.pad(x, (10**5, 10**5, 10**5, 10**5)),
        lambda x: torch.nn.functional.interpolate(x, scale_factor=1000.0),
        lambda x: x.reshape(-1, 1) @ x.repeat(1, 1, 8, 8).reshape(1, -1),
        lambda x: x.reshape(-1, 1, 1) + x.reshape(1, -1, 1) + x.reshape(1, 1, -1),
    ],
)
def test_too_much_is_refused_before_it_is_there(make) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ModelError, match=r"m\.onnx would need more memory"), measured("m.onnx", IMAGE):
        make(torch.randn(IMAGE))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024


def _made(count: int, size: int) -> None:
    for _ in range(count):
        torch.zeros(size)


def test_little_and_often_is_too_much_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="would need more memory"), measured("m.onnx", IMAGE):
        _made(1000, 2**20)
    monkeypatch.setattr(measure, "_MOST_OPERATIONS", 50)
    with pytest.raises(ModelError, match="takes too long"), measured("m.onnx", IMAGE):
        _made(100, 1)
    monkeypatch.setattr(measure, "_SECONDS", -1.0)
    with pytest.raises(ModelError, match="takes too long"), measured("m.onnx"):
        torch.zeros(1)


def test_a_program_that_asks_for_all_memory_runs_at_no_size() -> None:
    graph = fx.Graph()
    x = graph.placeholder("x")
    column, row = (graph.call_method("reshape", (x, *shape)) for shape in ((-1, 1), (1, -1)))
    outer = graph.call_function(torch.mul, (column, row))
    graph.output(graph.call_method("repeat", (outer, 1000, 1000)))
    assert forward(Program(graph, {"w": torch.zeros(1)}, set()), 1, (32, 32)) is None


def test_a_machine_that_is_busy_with_others_makes_no_network_slow(monkeypatch):
    clock = iter(range(0, 10**6, 1000))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    with measured("it"):
        assert float(torch.ones(2).sum()) == 2
