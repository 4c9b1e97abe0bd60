"""A 3-D network in the window: the same steps as for a 2-D one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from run_layers import of_role

from napari_osuda.models import ModelCard, write_model_folder
from napari_osuda.models.architectures.library import build_network

pytestmark = pytest.mark.viewer


@pytest.fixture
def volume_model(tmp_path):
    pytest.importorskip("monai")
    card = ModelCard.of(
        name="Two spots in space",
        channels=("t1", "t2"),
        labels={0: "background", 2: "edema", 5: "core"},
        plane="volume",
        size=(8, 8, 8),
        spacing_mm=(3.0, 3.0, 3.0),
        step=(2, 2, 2),
        minimum=(8, 8, 8),
        architecture={
            "import_from": "monai.networks.nets",
            "callable": "UNet",
            "kwargs": {"spatial_dims": 3, "in_channels": 2, "out_channels": 3, "channels": [4, 8],
                       "strides": [2], "norm": "batch"},
        },
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(card.architecture).eval()
    return write_model_folder(tmp_path / "volume", network, card)


def test_a_volume_is_adapted_to_and_its_masks_lie_on_the_image(
    adapt_widget, volume_model, viewer, ended, qtbot
):
    adapt_widget.choose_model(volume_model)
    qtbot.waitUntil(
        lambda: getattr(adapt_widget.model_panel.model, "path", None) == volume_model, timeout=60_000
    )
    assert "3-D volume in patches of 8 × 8 × 8 at 3 × 3 × 3 mm" in adapt_widget.model_panel.card.text()
    adapt_widget.adapt()
    ended(adapt_widget)
    assert adapt_widget.run_panel.state == "done", adapt_widget.run_panel.label.text()
    image = viewer.layers["patient7_t1"]
    for name in ("before", "after"):
        layer = of_role(viewer, name)
        assert layer.data.shape == image.data.shape
        np.testing.assert_array_equal(layer.extent.world, image.extent.world)
    result = adapt_widget.cockpit.result
    assert len(result.reports) == 3
    assert (result.folder / "model" / "bioimageio.yaml").is_file()
