"""Graphs of ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

DEFAULTS = {"defaults": True}


def _graph(names: dict[str, str] | None = None, **parts: Any) -> Any:
    """Conv, BatchNormalization and ReLU; ``names`` replaces what stands in any place of it."""
    onnx = pytest.importorskip("onnx")
    say = {key: key for key in ("conv", "norm", "relu", "x", "w", "y", "b", "z", "graph")} | (names or {})
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    rng = np.random.default_rng(0)
    scale = [f"{say['b']}{i}" for i in range(4)]
    initial = [numpy_helper.from_array(rng.normal(size=(2, 1, 3, 3)).astype(np.float32), say["w"])]
    initial += [numpy_helper.from_array(rng.uniform(0.5, 1, 2).astype(np.float32), name) for name in scale]
    nodes = [
        helper.make_node("Conv", [say["x"], say["w"]], [say["y"]], name=say["conv"], pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", [say["y"], *scale], [say["z"]], name=say["norm"]),
        helper.make_node("Relu", [say["z"]], ["out"], name=say["relu"]),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        parts.get("before", []) + nodes, say["graph"],
        [value(say["x"], onnx.TensorProto.FLOAT, ["batch", 1, "h", "w"])],
        [value("out", onnx.TensorProto.FLOAT, None)], initial + parts.get("initial", []),
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
