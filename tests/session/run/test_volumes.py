"""A 3-D network from a NIfTI file to masks in the file's own voxels, by the session and the command line."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from session_parts import head

from napari_osuda import AdaptationConfig, adapt_case, load_model, read_case
from napari_osuda.cli.commands import main
from napari_osuda.evaluation import dice
from napari_osuda.models import ModelCard, write_model_folder
from napari_osuda.models.architectures.library import build_network
from napari_osuda.session import Progress, predict_case

SHAPE = (44, 40, 36)
# What the network was trained on; the patients' files have other voxels and other axes.
SPACING = (2.0, 2.0, 2.0)


def standardized(image: np.ndarray) -> np.ndarray:
    inside = image != 0
    return np.where(inside, (image - image[inside].mean()) / image[inside].std(), 0).astype(np.float32)


@pytest.fixture(scope="module")
def volume_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small 3-D U-Net with BatchNorm that has learned to see the lesion."""
    pytest.importorskip("monai")
    architecture = {
        "import_from": "monai.networks.nets",
        "callable": "UNet",
        "kwargs": {"spatial_dims": 3, "in_channels": 1, "out_channels": 2, "channels": [4, 8],
                   "strides": [2], "norm": "batch"},
    }  # fmt: skip
    card = ModelCard.of(
        name="Bright ball",
        channels=("t2",),
        labels={0: "background", 3: "lesion"},
        regions={"WT": (3,)},
        plane="volume",
        size=(16, 16, 16),
        spacing_mm=SPACING,
        step=(2, 2, 2),
        minimum=(8, 8, 8),
        architecture=architecture,
    )
    assert card.architecture is not None
    torch.manual_seed(0)
    network = build_network(card.architecture).train()
    image, lesion = head(SHAPE, seed=1)
    x, y = torch.from_numpy(standardized(image)), torch.from_numpy(lesion.astype(np.int64))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    rng = np.random.default_rng(0)
    for _ in range(60):
        places = [tuple(slice(s, s + 16) for s in rng.integers(0, np.array(SHAPE) - 15)) for _ in range(4)]
        output = network(torch.stack([x[p] for p in places])[:, None])
        loss = torch.nn.functional.cross_entropy(output, torch.stack([y[p] for p in places]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return write_model_folder(tmp_path_factory.mktemp("models") / "ball", network.eval(), card)


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """A head in another scanner's voxels (1.6 and 2.5 mm), axes (L, S, A) and intensities."""
    fine, lesion = head((55, 50, 30), seed=2)
    image = np.where(fine != 0, 3 * fine + 40, 0).astype(np.float32)
    image, lesion = (np.flip(a, 0).transpose(0, 2, 1) for a in (image, lesion))
    affine = np.array([[-1.6, 0, 0, 40], [0, 0, 1.6, -40], [0, 2.5, 0, -35], [0, 0, 0, 1]])
    path = tmp_path_factory.mktemp("patient") / "someone_t2.nii.gz"
    nib.save(nib.Nifti1Image(image, affine), path)
    assert nib.aff2axcodes(affine) == ("L", "S", "A")
    return path, np.ascontiguousarray(lesion) * 3


def test_the_lesion_is_found_in_the_files_own_voxels(volume_model, patient):
    path, lesion = patient
    model = load_model(volume_model)
    labels = predict_case(model, read_case(path, model.card.channels))
    assert labels.shape == lesion.shape
    assert set(np.unique(labels)) == {0, 3}
    assert dice(labels == 3, lesion == 3) > 0.85


def test_a_run_adapts_on_patches_and_goes_over_the_volume_in_windows(volume_model, patient, tmp_path):
    path, lesion = patient
    model = load_model(volume_model)
    case = read_case(path, model.card.channels)
    config = AdaptationConfig(iterations=4, batch_size=4, learning_rate=1e-4)
    events = []
    result = adapt_case(
        model, case, config, references=[lesion], out=tmp_path / "run", on_event=events.append
    )
    assert result.outcome == "done"
    (done,) = result.cases
    assert done.before.shape == done.after.shape == lesion.shape
    assert done.scores_before[0].dice > 0.85
    assert done.scores_after[0].dice > 0.85
    np.testing.assert_array_equal(done.before, predict_case(model, case))
    after = [e for e in events if isinstance(e, Progress) and e.stage == "after"]
    # Windows, many for this volume; and all of them were gone through.
    assert after[-1].total > 20
    assert after[-1].done == after[-1].total
    again = load_model(tmp_path / "run" / "model")
    np.testing.assert_array_equal(predict_case(again, case), done.after)
    written = nib.load(tmp_path / "run" / "after" / f"{case.name}.nii.gz")
    np.testing.assert_allclose(written.affine, case.grid.affine)


def test_a_bundle_of_monai_is_adapted_and_is_a_bundle_again(volume_model, patient, tmp_path):
    source = load_model(volume_model)
    bundle = tmp_path / "bundle"
    for folder in ("configs", "models"):
        (bundle / folder).mkdir(parents=True)
    torch.save(source.network.state_dict(), bundle / "models" / "model.pt")
    (bundle / "configs" / "metadata.json").write_text(
        json.dumps({"network_data_format": {
            "inputs": {"image": {"channel_def": {"0": "T2"}}},
            "outputs": {"pred": {"channel_def": {"0": "background", "1": "lesion"}}},
        }})
    )  # fmt: skip
    transforms = [
        {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
        {"_target_": "Spacingd", "keys": "image", "pixdim": list(SPACING)},
        {"_target_": "NormalizeIntensityd", "keys": "image", "nonzero": True},
    ]
    (bundle / "configs" / "inference.json").write_text(
        json.dumps({
            "network_def": {"_target_": "UNet", **source.card.architecture.kwargs},
            "preprocessing": {"_target_": "Compose", "transforms": transforms},
            "postprocessing": {"transforms": [{"_target_": "AsDiscreted", "argmax": True}]},
            "inferer": {"_target_": "SlidingWindowInferer", "roi_size": [16, 16, 16], "overlap": 0.5},
        })
    )  # fmt: skip
    path, lesion = patient
    model = load_model(bundle)
    case = read_case({"T2": path}, model.card.channels)
    config = AdaptationConfig(iterations=2, batch_size=4, learning_rate=1e-4, guard=False, mirror=False)
    result = adapt_case(model, case, config, out=tmp_path / "run")
    (done,) = result.cases
    assert dice(done.after == 1, lesion == 3) > 0.8
    again = load_model(tmp_path / "run" / "model-as-it-came")
    assert again.form == "monai_bundle"
    assert again.sha256 != model.sha256
    np.testing.assert_array_equal(predict_case(again, case), done.after)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    provenance = load_model(tmp_path / "run" / "model").card.raw["config"]["osuda"]["provenance"]
    assert provenance["run_id"] == record["run_id"]
    assert provenance["source_sha256"] == model.sha256
    assert provenance["settings"]["iterations"] == 2


def test_a_stop_between_windows_keeps_what_there_is(volume_model, patient):
    from napari_osuda.session import Finished, Run
    from napari_osuda.session.api import make_job

    path, _ = patient
    model = load_model(volume_model)
    run = Run(make_job(model, read_case(path, model.card.channels), AdaptationConfig(iterations=2)))
    events = []
    for event in run:
        events.append(event)
        if isinstance(event, Progress) and event.stage == "before":
            run.stop()
    assert isinstance(events[-1], Finished)
    assert events[-1].result.outcome == "stopped"
    assert sum(isinstance(e, Progress) for e in events) == 1


def test_a_run_of_weights_whose_class_was_told_can_be_taken_up_again(patient, tmp_path):
    from monai.networks.nets import FlexibleUNet

    from napari_osuda.session import Run, Step, find_unfinished
    from napari_osuda.session.api import make_job

    torch.manual_seed(0)
    kwargs = {"in_channels": 1, "out_channels": 2, "backbone": "efficientnet-b0", "decoder_channels": [4] * 5}
    torch.save(FlexibleUNet(**kwargs).state_dict(), tmp_path / "weights.pt")
    model = load_model(
        tmp_path / "weights.pt",
        overrides={
            "architecture": "monai.networks.nets.FlexibleUNet", "kwargs": kwargs, "channels": "t2",
            "labels": "0=background,3=lesion", "plane": "coronal", "defaults": True,
        },
    )  # fmt: skip
    case = read_case(patient[0], model.card.channels)
    config = AdaptationConfig(iterations=2, batch_size=2, guard=False)
    run = iter(Run(make_job(model, case, config, out=tmp_path / "runs" / "left")))
    while not isinstance(next(run), Step):
        pass
    run.close()
    (left,) = find_unfinished(tmp_path / "runs")
    job = left.job()
    assert job.model.card == model.card
    assert list(job.model.network.state_dict()) == list(model.network.state_dict())


@pytest.mark.parametrize("command", ["predict", "adapt"])
def test_the_command_line_takes_a_volume(command, volume_model, patient, tmp_path, capsys):
    path, lesion = patient
    extra = ["--set", "iterations=2", "batch_size=2"] if command == "adapt" else []
    arguments = [
        command,
        "--model",
        volume_model,
        "--case",
        path,
        "--out",
        tmp_path / "out",
        "--quiet",
        *extra,
    ]
    assert main([str(a) for a in arguments]) == 0
    folder = tmp_path / "out" / "after" if command == "adapt" else tmp_path / "out"
    (file,) = folder.glob("*.nii.gz")
    mask = nib.load(file)
    assert mask.shape == lesion.shape
    np.testing.assert_allclose(mask.affine, nib.load(path).affine)
    assert dice(np.asarray(mask.dataobj) == 3, lesion == 3) > 0.8
    if command == "adapt":
        record = json.loads((tmp_path / "out" / "run.json").read_text())
        assert record["outcome"] == "done"
        assert record["model"]["card"]["plane"] == "volume"


def test_the_same_seed_gives_the_same_run(volume_model, patient):
    path, _ = patient
    model = load_model(volume_model)
    case = read_case(path, model.card.channels)
    config = AdaptationConfig(iterations=2, batch_size=3, guard=False, seed=7)
    first, second = (adapt_case(model, case, config) for _ in range(2))
    np.testing.assert_array_equal(first.reports[-1].distance, second.reports[-1].distance)
    np.testing.assert_array_equal(first.cases[0].after, second.cases[0].after)
