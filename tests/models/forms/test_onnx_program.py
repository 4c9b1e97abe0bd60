from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from model_parts import written_as_it_came
from onnx_parts import DEFAULTS, _graph
from torch import nn

from napari_osuda.errors import ModelError, NotAdaptableError
from napari_osuda.method import AdaptationConfig, adapt
from napari_osuda.models import inspect_model, load_model, open_questions, save_model
from napari_osuda.networks import UNet


def _exported(network: nn.Module, path: Path, **how: Any) -> Path:
    pytest.importorskip("onnx")
    # A torchvision of another torch is no less missing.
    pytest.importorskip("onnx2torch", exc_type=Exception)
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
    config = AdaptationConfig(iterations=2, batch_size=2, learning_rate=1e-3, precision="float32")
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
