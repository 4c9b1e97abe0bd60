"""A network whose channels are regions inside one another (BraTS's TC, WT and ET), from file to scores."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import torch
from session_parts import AFFINE

from napari_osuda import AdaptationConfig, adapt_case, load_model, read_case
from napari_osuda.models import ModelCard, write_model_folder
from napari_osuda.networks import UNet

SHAPE = (32, 32, 9)
REGIONS = {"TC": (1, 4), "WT": (1, 2, 4), "ET": (4,)}


def tumor(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A head with an edema, a core in it and an enhancing part in that, each brighter than the last."""
    rng = np.random.default_rng(seed)
    grid = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    inside = grid[0] ** 2 + grid[1] ** 2 < 0.9
    radius = np.sqrt(grid[0] ** 2 + grid[1] ** 2 + 0.5 * grid[2] ** 2)
    labels = np.zeros(SHAPE, np.uint8)
    for value, reach in ((2, 0.6), (1, 0.42), (4, 0.25)):
        labels[radius < reach] = value
    gray = np.array([100, 300, 200, 0, 400])[labels]
    return np.where(inside, gray + rng.normal(0, 6, SHAPE), 0).astype(np.float32), labels * inside


def masks(labels: np.ndarray) -> np.ndarray:
    return np.stack([np.isin(labels, values) for values in REGIONS.values()])


@pytest.fixture(scope="module")
def regions_model(tmp_path_factory):
    torch.manual_seed(0)
    network = UNet(1, 3, (8, 8)).train()
    image, labels = tumor(1)
    head = image != 0
    z = np.where(head, (image - image[head].mean()) / image[head].std(), 0)
    x = torch.from_numpy(np.moveaxis(z, 2, 0)[:, None].astype(np.float32))
    y = torch.from_numpy(np.moveaxis(masks(labels), 3, 0).astype(np.float32))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(160):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    card = ModelCard.of(
        name="Regions", channels=("t1ce",), output_channels=tuple(REGIONS), activation="sigmoid",
        labels={0: "background", 1: "necrotic core", 2: "edema", 4: "enhancing tumor"}, regions=REGIONS,
        step=(2, 2), minimum=(8, 8),
        architecture={"import_from": "napari_osuda.networks", "callable": "UNet",
                      "kwargs": {"in_channels": 1, "out_channels": 3, "features": [8, 8]}},
    )  # fmt: skip
    assert card.overlapping
    return write_model_folder(tmp_path_factory.mktemp("models") / "regions", network.eval(), card)


def test_regions_are_adapted_written_as_labels_and_scored(regions_model, tmp_path):
    image, labels = tumor(2)
    nib.save(nib.Nifti1Image(np.where(image != 0, 2 * image + 90, 0), AFFINE), tmp_path / "p_t1ce.nii.gz")
    model = load_model(regions_model)
    case = read_case(tmp_path / "p_t1ce.nii.gz", model.card.channels)
    config = AdaptationConfig(iterations=4, batch_size=4, learning_rate=1e-4)
    result = adapt_case(model, case, config, references=[labels], out=tmp_path / "run")
    (done,) = result.cases
    for scores in (done.scores_before, done.scores_after):
        assert {score.region for score in scores} == set(REGIONS)
        assert all(score.dice > 0.8 for score in scores)
    written = np.asarray(nib.load(tmp_path / "run" / "after" / f"{case.name}.nii.gz").dataobj)
    np.testing.assert_array_equal(written, done.after)
    assert set(np.unique(written)) == {0, 1, 2, 4}
    # Each channel's share of the pixels is a share of its own: they do not add up to one.
    fractions = result.reports[0].class_fractions
    tc, wt, et = (float(f) for f in fractions)
    assert et < tc < wt < 1
    again = load_model(tmp_path / "run" / "model").card
    assert again.regions == REGIONS
    assert again.overlapping
