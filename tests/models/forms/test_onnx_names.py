from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_parts import written_as_it_came
from onnx_parts import DEFAULTS, _graph

from napari_osuda.errors import ModelError
from napari_osuda.models import load_model
from napari_osuda.models.forms.onnx_names import plain_copy


def _payloads(canary: Path) -> list[str]:
    run = f"open({str(canary)!r}, 'w')"
    double = run.replace("'", '"')
    return [
        f'a" + str({run}) + "', f"a\n    {run}\n    #", f'x"), {run}) #', f"x'), {double}) #", f'"+{run}+"',
        f"a; {run}", f"a);{run};(", f'a", None) or {run} or getattr(self, "a', f"\r\n{run}\r\n", f"\f{run}",
        f"\u2028{run}", f"lambda: {run}", f"def forward(self):\n        {run}", "a\\", '"""', "'''", "{0}",
        "%s", "forward", "self", "class", "_", "", "0", ".", "..", "a.b", "/", "é", "ａ", "\x00", "__init__",
        "__class__",
    ]  # fmt: skip


_PLACES = ("conv", "norm", "relu", "x", "w", "y", "b", "z", "graph")


@pytest.mark.parametrize("number", range(len(_payloads(Path("x")))))
def test_names_in_a_graph_never_run(number: int, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    payload = _payloads(canary)[number]
    image = torch.randn(1, 1, 8, 8)
    expected = _loaded(_graph(), tmp_path / "plain.onnx").network(image)
    # Tensors of the same name are one tensor, so that each has its own letter at the end.
    nodes, tensors = ("conv", "norm", "relu", "graph"), ("x", "w", "y", "b", "z")
    named = _graph(dict.fromkeys(nodes, payload) | {place: f"{payload}{place}" for place in tensors})
    named.doc_string = named.producer_name = named.graph.doc_string = payload
    named.graph.input[0].type.tensor_type.shape.dim[0].dim_param = payload
    named.metadata_props.add(key=payload, value=payload)
    for node in named.graph.node:
        node.doc_string = payload
    model = _loaded(named, tmp_path / "named.onnx")
    torch.testing.assert_close(model.network(image), expected)
    written = written_as_it_came(tmp_path / "adapted.onnx", model.network, model)
    again = load_model(written, overrides=DEFAULTS)
    torch.testing.assert_close(again.network(image), expected)
    assert not canary.exists()


def _loaded(model: Any, file: Path) -> Any:
    file.write_bytes(model.SerializeToString())
    pytest.importorskip("onnx2torch", exc_type=Exception)
    return load_model(file, overrides=DEFAULTS)


def test_the_attack_by_a_name_is_real(tmp_path: Path) -> None:
    """Someone who converts the file as it is, is hit: torch.fx writes the name into source."""
    converter = pytest.importorskip("onnx2torch.converter", exc_type=Exception)
    canary = tmp_path / "canary"
    for payload in _payloads(canary):
        with contextlib.suppress(Exception):
            converter.convert(_graph({"relu": payload}))(torch.zeros(1, 1, 8, 8))
    assert canary.exists()


@given(st.text(max_size=40), st.sampled_from(_PLACES))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_every_name_of_the_copy_is_an_identifier_of_ours(text: str, place: str) -> None:
    pytest.importorskip("onnx")
    graph = plain_copy(_graph({place: text})).graph
    said = [graph.name, *(value.name for value in (*graph.input, *graph.output, *graph.initializer))]
    for node in graph.node:
        said += [node.name, node.op_type, *node.input, *node.output, *(a.name for a in node.attribute)]
    for name in said:
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*|", name, re.ASCII), name
    assert len({node.name for node in graph.node}) == len(graph.node)


def _outside(location: str) -> Any:
    onnx = pytest.importorskip("onnx")
    tensor = onnx.TensorProto(name="c", data_type=onnx.TensorProto.FLOAT, dims=[2])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


@pytest.mark.parametrize(
    "location", ["/etc/passwd", "../secret.bin", "secret.bin", "", "https://example.org/w"]
)
@pytest.mark.parametrize("place", ["initializer", "constant", "constants", "subgraph", "function", "sparse"])
def test_no_tensor_in_any_place_is_read_from_another_file(
    location: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx = pytest.importorskip("onnx")
    (tmp_path / "secret.bin").write_bytes(np.ones(2, np.float32).tobytes())
    monkeypatch.chdir(tmp_path)
    tensor, helper = _outside(location), onnx.helper
    constant = helper.make_node("Constant", [], ["c"])
    attribute = constant.attribute.add(name="value", type=onnx.AttributeProto.TENSOR)
    model = _graph()
    if place == "initializer":
        model.graph.initializer.append(tensor)
    elif place == "constant":
        attribute.t.CopyFrom(tensor)
        model.graph.node.insert(0, constant)
    elif place == "constants":
        attribute.type = onnx.AttributeProto.TENSORS
        attribute.tensors.append(tensor)
        model.graph.node.insert(0, constant)
    elif place == "subgraph":
        inner = helper.make_graph([], "inner", [], [], [tensor])
        model.graph.node.append(helper.make_node("If", ["c"], ["d"], then_branch=inner))
    elif place == "function":
        attribute.t.CopyFrom(tensor)
        model.functions.append(
            helper.make_function("own", "F", [], ["c"], [constant], [helper.make_opsetid("", 17)])
        )
    else:
        model.graph.sparse_initializer.append(onnx.SparseTensorProto(values=tensor))
    (tmp_path / "w.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"keeps the weights 'c' in another file"):
        load_model(tmp_path / "w.onnx", overrides=DEFAULTS)
