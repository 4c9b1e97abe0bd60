"""A small network, a small patient, and the widgets in a viewer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

from napari_osuda.method import AdaptationConfig, adapt
from napari_osuda.models import ModelCard, write_model_folder
from napari_osuda.napari_layers.images import read_layers
from napari_osuda.networks import UNet

# Oblique to no axis but flipped and permuted: rows of the file run from left to right and from front to back.
AFFINE = np.array([[-2.0, 0, 0, 30], [0, -2.0, 0, 30], [0, 0, 3.0, -10], [0, 0, 0, 1]])


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the widgets remember between sessions, and the usual run folder, are not the tester's own."""
    from qtpy.QtCore import QSettings

    from napari_osuda.widgets.adapt import folder_panel as _folder_panel

    monkeypatch.setattr(_folder_panel, "runs_folder", lambda: tmp_path / "documents")
    QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained U-Net of two channels and three classes: what a window shows does not need a good one."""
    with torch.random.fork_rng():
        torch.manual_seed(10)
        network = UNet(2, 3, (4, 8)).eval()
    # So that it marks some of each class, before and after.
    network.head.bias.data.zero_()
    card = ModelCard.of(
        name="Two spots <from> T1 & T2",
        channels=("t1", "t2"),
        output_channels=("background", "edema", "core"),
        labels={0: "background", 2: "edema", 5: "core"},
        colours={2: "#e69f00", 5: "#56b4e9"},
        step=(2, 2),
        minimum=(8, 8),
        architecture={
            "import_from": "napari_osuda.networks",
            "callable": "UNet",
            "kwargs": {"in_channels": 2, "out_channels": 3, "features": [4, 8]},
        },
    )
    return write_model_folder(tmp_path_factory.mktemp("models") / "spots", network, card)


@pytest.fixture
def patient(tmp_path: Path) -> Path:
    """Two contrasts and a reference."""
    rng = np.random.default_rng(0)
    shape = (22, 18, 7)
    grid = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    inside = grid[0] ** 2 + grid[1] ** 2 < 0.8
    folder = tmp_path / "patient7"
    folder.mkdir()
    for contrast in ("t1", "t2"):
        image = np.where(inside, 100 + rng.normal(0, 20, shape), 0).astype(np.float32)
        nib.save(nib.Nifti1Image(image, AFFINE), folder / f"patient7_{contrast}.nii.gz")
    reference = np.where(inside & (grid[0] > 0), 2, 0).astype(np.uint8)
    nib.save(nib.Nifti1Image(reference, AFFINE), folder / "patient7_seg.nii.gz")
    return folder


@pytest.fixture
def viewer(make_napari_viewer: Callable[..., Any], patient: Path) -> Any:
    """A viewer with the patient in it, as our reader shows it."""
    viewer = make_napari_viewer()
    for path in sorted(patient.iterdir()):
        for data, arguments, kind in read_layers(str(path)):
            getattr(viewer, f"add_{kind}")(data, **arguments)
    return viewer


@pytest.fixture
def adapt_widget(viewer: Any, model_folder: Path, tmp_path: Path, qtbot: Any) -> Iterator[Any]:
    """The docked widget with the model chosen and a run of a few small steps set up."""
    from napari_osuda.widgets.adapt.widget import AdaptWidget

    widget = AdaptWidget(viewer)
    viewer.window.add_dock_widget(widget, name="OSUDA: Adapt")
    widget.folder_panel.set_parent_folder(tmp_path / "runs")
    widget.choose_model(model_folder)
    qtbot.waitUntil(lambda: widget.model_panel.model is not None, timeout=60_000)
    widget.settings_panel.set_values(iterations=3, batch_size=4, threads=1)
    yield widget
    # A test may have closed the dock, or the whole viewer.
    if not widget._ended and hasattr(viewer.window, "_qt_window"):
        viewer.window.remove_dock_widget(widget)


@pytest.fixture
def ended(qtbot: Any) -> Callable[[Any], None]:
    """Wait for the end of a run."""

    def wait(widget: Any) -> None:
        states = ("done", "stopped", "failed")
        qtbot.waitUntil(lambda: widget.run_panel.state in states and widget.settled, timeout=60_000)

    return wait


@pytest.fixture(scope="session")
def reported() -> tuple[Any, list[Any]]:
    """The layers and the reports of a short run."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = UNet(1, 3, (4, 8))
        batches = [torch.randn(2, 1, 16, 16) + 1 for _ in range(2)]
    adaptation = adapt(network, batches, AdaptationConfig(iterations=6))
    return adaptation.layers, list(adaptation)
