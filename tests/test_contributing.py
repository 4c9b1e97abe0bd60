"""The worked examples of CONTRIBUTING.md, run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from napari_osuda.method import AdaptationConfig, adapt
from napari_osuda.models import load_model
from napari_osuda.networks import UNet

PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"


def example(title: str) -> ModuleType:
    """The code below a heading, as a module."""
    section = PAGE.read_text(encoding="utf-8").split(f"## {title}\n")[1].split("\n## ")[0]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None
    module = ModuleType("example")
    exec(compile(found[1], str(PAGE), "exec"), module.__dict__)
    return module


def test_how_to_add_a_method():
    half = example("How to add a method").half
    torch.manual_seed(0)
    network = UNet(1, 2, (4, 8)).eval()
    batches = [torch.randn(4, 1, 16, 16) * 3 + 2 for _ in range(2)]
    adaptation = adapt(network, batches, AdaptationConfig().replace(**half.changes))
    assert not list(adaptation)
    source, adapted = network.state_dict(), adaptation.model.state_dict()
    assert all(torch.equal(source[name], adapted[name]) for name, _ in network.named_parameters())
    moved = [
        name
        for name in source
        if name.endswith("running_mean") and not torch.equal(source[name], adapted[name])
    ]
    assert moved


def test_how_to_add_a_form_of_models(tmp_path, monkeypatch):
    form = example("How to add a form of models")
    torch.manual_seed(0)
    network = UNet(1, 2, (4, 8))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "lab.txt").write_text("Our way of keeping models.")
    torch.save(network.state_dict(), folder / "weights.pt")
    monkeypatch.setattr("napari_osuda.models.loading._FORMS", (form,))
    model = load_model(folder, overrides={"defaults": True})
    assert model.form == "lab"
    x = torch.randn(1, 1, 16, 16)
    torch.testing.assert_close(model.network(x), network.eval()(x))


def test_how_to_add_a_reader_of_images(tmp_path):
    volume = example("How to add a reader of images").read_my_format(tmp_path / "image.mine")
    assert volume.grid.shape == volume.data.shape
    assert volume.data.dtype == np.float32
    assert volume.grid.spacing == pytest.approx((2.0, 2.0, 2.0))
