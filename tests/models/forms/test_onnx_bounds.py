"""Small ONNX files that ask for very much: refused with a sentence, before the memory is taken."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_osuda.errors import ModelError
from napari_osuda.models import load_model

resource = pytest.importorskip("resource", reason="memory is limited by POSIX")

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnx2torch", exc_type=Exception)

LONG = 100_000
Nodes = tuple[list[Any], list[Any], str]


def _number(name: str, values: Any, dtype: str = "i8") -> Any:
    return onnx.numpy_helper.from_array(np.asarray(values, dtype), name)


def _file(path: Path, add: Callable[[str], Nodes]) -> Path:
    """A graph of a convolution and a normalization, with more nodes behind them."""
    chance = np.random.default_rng(0)
    weights = [
        _number("w", chance.normal(size=(2, 1, 3, 3)), "f4"),
        *(_number(name, np.ones(2), "f4") for name in ("scale", "bias", "mean", "var")),
    ]
    nodes, more, last = add("y")
    make = onnx.helper
    graph = make.make_graph(
        [
            make.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
            make.make_node("BatchNormalization", ["c", "scale", "bias", "mean", "var"], ["y"]),
            *nodes,
        ],
        "g",
        [make.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 1, "h", "w"])],
        [make.make_tensor_value_info(last, onnx.TensorProto.FLOAT, [1, 2, "h", "w"])],
        [*weights, *more],
    )
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8), path)
    return path


def _node(kind: str, inputs: list[str], output: str, **attributes: Any) -> Any:
    return onnx.helper.make_node(kind, inputs, [output], **attributes)


def _summed(bomb: list[Any], more: list[Any], y: str) -> Nodes:
    """The mean of something huge, added to the honest output."""
    nodes = [*bomb, _node("ReduceMean", ["huge"], "m", keepdims=0), _node("Add", [y, "m"], "z")]
    return nodes, more, "z"


def _doubled(y: str) -> Nodes:
    names = [y, *(f"d{i}" for i in range(40))]
    return (
        [_node("Concat", [a, a], b, axis=1) for a, b in itertools.pairwise(names)],
        [],
        names[-1],
    )


def _many(y: str, count: int = 30_000) -> Nodes:
    names = [y, *(f"r{i}" for i in range(count))]
    return [_node("Relu", [a], b) for a, b in itertools.pairwise(names)], [], names[-1]


BOMBS: dict[str, Callable[[str], Nodes]] = {
    "ConstantOfShape": lambda y: _summed(
        [_node("ConstantOfShape", ["n"], "huge", value=_number("", [1.0], "f4"))],
        [_number("n", [LONG, LONG])], y,
    ),
    "Expand": lambda y: _summed(
        [_node("ReduceMean", [y], "s", keepdims=1), _node("Expand", ["s", "n"], "huge")],
        [_number("n", [1, 1, LONG, LONG])], y,
    ),
    "Tile": lambda y: _summed([_node("Tile", [y, "n"], "huge")], [_number("n", [1, 1, 4000, 4000])], y),
    "Resize": lambda y: _summed(
        [_node("Resize", [y, "", "f"], "huge", mode="nearest")], [_number("f", [1, 1, 2000, 2000], "f4")], y
    ),
    "Pad": lambda y: _summed([_node("Pad", [y, "n"], "huge")], [_number("n", [0] * 6 + [LONG, LONG])], y),
    "MatMul": lambda y: _summed(
        [
            _node("Reshape", [y, "column"], "a"), _node("Reshape", [y, "row"], "b"),
            _node("MatMul", ["a", "b"], "p"), _node("Reshape", ["p", "column"], "q"),
            _node("Tile", ["q", "n"], "huge"),
        ],
        [_number("column", [-1, 1]), _number("row", [1, -1]), _number("n", [1, 1000])], y,
    ),
    "doubling": _doubled,
    "30,000 nodes": _many,
    "5,000 nodes": lambda y: _many(y, 5000),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(BOMBS))
def test_a_graph_that_asks_for_all_memory_is_refused_before_it_has_it(kind: str, tmp_path: Path) -> None:
    load_model(_file(tmp_path / "honest.onnx", lambda y: ([], [], y)), overrides={"defaults": True})
    file = _file(tmp_path / "bomb.onnx", BOMBS[kind])
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(ModelError):
        load_model(file, overrides={"defaults": True})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 700 * 1024
    assert time.process_time() - began < 10


def test_numbers_that_are_not_in_the_file(tmp_path: Path) -> None:
    file = _file(tmp_path / "m.onnx", lambda y: ([], [], y))
    model = onnx.load(file)
    model.graph.initializer[0].dims[:] = [LONG, LONG, 3, 3]
    file.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError):
        load_model(file, overrides={"defaults": True})


def test_thousands_of_identities_take_no_time(tmp_path: Path) -> None:
    def add(y: str) -> Nodes:
        nodes = [_node("Identity", ["mean"], f"i{i}") for i in range(15_000)]
        return [*nodes, _node("Relu", [y], "z")], [], "z"

    began = time.process_time()
    load_model(_file(tmp_path / "m.onnx", add), overrides={"defaults": True})
    assert time.process_time() - began < 10
