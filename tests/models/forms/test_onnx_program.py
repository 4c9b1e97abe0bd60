from __future__ import annotations

import contextlib
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_parts import written_as_it_came
from torch import nn

from napari_osuda.errors import ModelError, NotAdaptableError
from napari_osuda.method import AdaptationConfig, adapt
from napari_osuda.models import inspect_model, load_model, open_questions, save_model
from napari_osuda.models.forms.onnx_names import plain_copy
from napari_osuda.networks import UNet

DEFAULTS = {"defaults": True}


@pytest.fixture(autouse=True)
def _the_exporter_is_deprecated() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _exported(network: nn.Module, path: Path, **how: Any) -> Path:
    pytest.importorskip("onnx")
    pytest.importorskip("onnx2torch")
    axes = {"image": {0: "b", 2: "h", 3: "w"}}
    channels = next(network.parameters()).shape[1]
    torch.onnx.export(
        network, (torch.zeros(1, channels, 32, 32),), path, input_names=["image"], dynamic_axes=axes,
        opset_version=17, dynamo=False, **how,
    )  # fmt: skip
    return path


def _kept(network: nn.Module, path: Path) -> Path:
    return _exported(network, path, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)


def test_a_graph_with_its_batch_norm_is_adapted_as_its_class(tmp_path: Path, network: UNet) -> None:
    file = _kept(network, tmp_path / "tumor.onnx")
    assert len(next(q.default for q in open_questions(file) if q.key == "channels")) == 2
    model = load_model(file, overrides=DEFAULTS)
    image = 1.0 + torch.randn(2, 2, 32, 32)
    torch.testing.assert_close(model.network(image), network(image), rtol=1e-4, atol=1e-5)
    assert len(inspect_model(model).layers) == 10
    config = AdaptationConfig(iterations=2, batch_size=2, learning_rate=1e-3)
    ours, theirs = adapt(model.network, [image], config), adapt(network, [image], config)
    assert [r.loss for r in ours] == pytest.approx([r.loss for r in theirs], rel=1e-3)

    written = written_as_it_came(tmp_path / "adapted.onnx", ours.model, model)
    again = load_model(written, overrides=DEFAULTS)
    torch.testing.assert_close(again.network(image), ours.model(image), rtol=1e-4, atol=1e-5)
    folder = save_model(tmp_path / "package", ours.model, model, {})
    again = load_model(folder, trust=True)
    torch.testing.assert_close(again.network(image), ours.model(image), rtol=1e-4, atol=1e-5)


def test_folded_batch_norm_is_refused_with_the_export_that_keeps_it(tmp_path: Path, network: UNet) -> None:
    file = _exported(network, tmp_path / "folded.onnx")
    with pytest.raises(NotAdaptableError, match=r"TrainingMode\.PRESERVE, do_constant_folding=False"):
        load_model(file, overrides=DEFAULTS)


def test_other_norms_are_named(tmp_path: Path) -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.InstanceNorm2d(2, affine=True), nn.Conv2d(2, 2, 1)
    )
    file = _exported(network.eval(), tmp_path / "instance.onnx")
    with pytest.raises(NotAdaptableError, match="InstanceNormalization"):
        load_model(file, overrides=DEFAULTS)


def test_external_data_are_refused(tmp_path: Path, network: UNet) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load(_kept(network, tmp_path / "w.onnx"))
    onnx.external_data_helper.convert_model_to_external_data(model, location="weights.bin", size_threshold=0)
    (tmp_path / "split.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="in another file"):
        load_model(tmp_path / "split.onnx", overrides=DEFAULTS)


def test_junk_is_a_sentence(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    (tmp_path / "w.onnx").write_bytes(b"\xff" * 100)
    with pytest.raises(ModelError, match=r"w\.onnx is not a readable ONNX file"):
        load_model(tmp_path / "w.onnx")


def test_a_missing_extra_is_named_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    (tmp_path / "w.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match=r"pip install 'napari-osuda\[onnx\]'"):
        load_model(tmp_path / "w.onnx")


# -- attacks: what an ONNX file says never reaches the source that the conversion makes, nor another file


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


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m, o: m.graph.node[2].attribute.add(name="a\nb", type=1, f=1), "not a plain word"),
        (lambda m, o: m.graph.node[2].attribute.add(name="mode", type=3, s=b"a'b"), "not a plain word"),
        (lambda m, o: setattr(m.graph.node[2], "domain", "evil"), "not one of ONNX's own"),
        (lambda m, o: setattr(m.graph.node[2], "op_type", "Relu\n"), "not one of ONNX's own"),
        (lambda m, o: setattr(m.graph.node[2], "op_type", "Nothing"), "does not know"),
        (
            lambda m, o: m.graph.node[2].attribute.add(
                name="g", type=5, g=o.helper.make_graph([], "g", [], [])
            ),
            "graph inside",
        ),
        (lambda m, o: m.functions.add(name="F", domain="own"), "functions of its own"),
        (lambda m, o: m.graph.node.add(op_type="Identity"), "cannot be converted"),
    ],
)
def test_what_is_no_plain_graph_is_a_sentence(change: Any, words: str, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnx2torch", exc_type=Exception)
    model = _graph()
    change(model, onnx)
    (tmp_path / "w.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=words):
        load_model(tmp_path / "w.onnx", overrides=DEFAULTS)
