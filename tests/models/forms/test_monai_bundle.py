"""MONAI bundles, laid out as those of the model zoo are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from napari_osuda.errors import ModelError
from napari_osuda.models import Architecture, inspect_model, load_model, open_questions
from napari_osuda.models.architectures.library import build_network

pytest.importorskip("monai")

Config = dict[str, Any]


def _bundle(folder: Path, network: Config, pre: list[Config], post: list[Config], inputs: list[str],
            outputs: list[str], extra: Config | None = None) -> Path:  # fmt: skip
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    kwargs = {key: value for key, value in network.items() if key != "_target_"}
    built = build_network(
        Architecture(import_from="monai.networks.nets", callable=network["_target_"], kwargs=kwargs)
    )
    torch.save(built.state_dict(), folder / "models" / "model.pt")
    channels = {
        side: {name: {"num_channels": len(names), "channel_def": {str(i): n for i, n in enumerate(names)}}}
        for side, name, names in (("inputs", "image", inputs), ("outputs", "pred", outputs))
    }
    (folder / "configs" / "metadata.json").write_text(json.dumps({"network_data_format": channels}))
    config = {
        "imports": ["$import os"],
        "bundle_root": ".",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "network_def": network,
        "network": "$@network_def.to(@device)",
        "preprocessing": {"_target_": "Compose", "transforms": pre},
        "postprocessing": {"_target_": "Compose", "transforms": post},
        "inferer": {"_target_": "SlidingWindowInferer", "roi_size": [16, 16, 16], "overlap": 0.5},
        "evaluating": ["$@evaluator.run()"],
        **(extra or {}),
    }
    (folder / "configs" / "inference.json").write_text(json.dumps(config))
    return folder


@pytest.fixture
def prostate(tmp_path: Path) -> Path:
    """As prostate_mri_anatomy: a 3-D UNet with BatchNorm."""
    return _bundle(
        tmp_path / "prostate_mri_anatomy",
        {"_target_": "UNet", "spatial_dims": 3, "in_channels": 1, "out_channels": 3, "channels": [2, 4, 4],
         "strides": [2, 2], "num_res_units": 1, "norm": "batch", "act": "prelu", "dropout": 0.15},
        [{"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
         {"_target_": "Spacingd", "keys": "image", "pixdim": [0.5, 0.5, 0.5], "mode": "bilinear"},
         {"_target_": "ScaleIntensityd"}, {"_target_": "NormalizeIntensityd"}],
        [{"_target_": "AsDiscreted", "keys": "pred", "argmax": True}],
        ["image"], ["background", "central gland", "peripheral zone"],
    )  # fmt: skip


@pytest.fixture
def brats(tmp_path: Path) -> Path:
    """As brats_mri_segmentation: a SegResNet with GroupNorm and overlapping channels."""
    return _bundle(
        tmp_path / "brats_mri_segmentation",
        {"_target_": "SegResNet", "blocks_down": [1, 1, 1], "blocks_up": [1, 1], "init_filters": 8,
         "in_channels": 4, "out_channels": 3, "dropout_prob": 0.2},
        [{"_target_": "NormalizeIntensityd", "keys": "image", "nonzero": True, "channel_wise": True}],
        [{"_target_": "Activationsd", "keys": "pred", "sigmoid": True},
         {"_target_": "Lambdad", "func": "$lambda x: x"}],
        ["T1c", "T1", "T2", "FLAIR"], ["Tumor core", "Whole tumor", "Enhancing tumor"],
    )  # fmt: skip


def test_a_bundle_with_batch_norm(prostate: Path) -> None:
    assert [q.key for q in open_questions(prostate)] == ["channels"]
    model = load_model(prostate, overrides={"channels": "t2"})
    assert inspect_model(model).adaptable
    card = model.card
    assert (card.name, card.plane, card.orientation) == ("prostate_mri_anatomy", "volume", "RAS")
    assert (card.spacing_mm, card.size) == ((0.5, 0.5, 0.5), (16, 16, 16))
    assert (card.normalisation, card.activation) == ("zscore", "softmax")
    assert card.labels == {0: "background", 1: "central gland", 2: "peripheral zone"}
    state = torch.load(prostate / "models" / "model.pt", weights_only=True)
    assert all(torch.equal(value, state[key]) for key, value in model.network.state_dict().items())


def test_an_orientation_beside_the_bundles_own_is_taken_and_told(prostate: Path) -> None:
    model = load_model(prostate, overrides={"channels": "t2", "orientation": "LPS"})
    assert model.card.orientation == "LPS"
    assert "The model's files say orientation RAS; your answer LPS is taken." in model.notes


def test_a_zipped_bundle_is_the_same(prostate: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "bundle"), "zip", tmp_path, "prostate_mri_anatomy")
    assert load_model(archive, overrides={"channels": "t2"}).card.labels[2] == "peripheral zone"


def test_brats_with_group_norm_is_read_and_refused_with_the_reason(brats: Path) -> None:
    assert {q.key for q in open_questions(brats)} == {"labels", "regions", "orientation"}
    found = inspect_model(brats)
    assert not found.adaptable
    assert "GroupNorm" in found.reason
    card = load_model(brats, overrides={"defaults": True}).card
    assert card.channels == ("T1c", "T1", "T2", "FLAIR")
    assert card.normalisation == "zscore_nonzero"
    assert card.overlapping
    assert card.channel_values == (1, 2, 4)
    newer = {"labels": "{0: background, 1: necrotic core, 2: edema, 3: enhancing tumor}",
             "regions": "{TC: [1, 3], WT: [1, 2, 3], ET: [3]}", "orientation": "LPS"}  # fmt: skip
    assert load_model(brats, overrides=newer).card.channel_values == (1, 2, 3)


def test_references_are_followed(tmp_path: Path) -> None:
    network = {"_target_": "UNet", "spatial_dims": 2, "in_channels": 1, "out_channels": 2, "channels": [2, 4],
               "strides": [2], "norm": "batch"}  # fmt: skip
    bundle = _bundle(tmp_path / "b", network, [], [], ["t1"], ["background", "a"])
    file = bundle / "configs" / "inference.json"
    config = json.loads(file.read_text())
    config["width"] = {"list": [2, 4]}
    config["network_def"] |= {"channels": "@width::list", "_target_": "monai.networks.nets.unet.UNet"}
    file.write_text(json.dumps(config))
    assert load_model(bundle, overrides={"defaults": True}).card.architecture.kwargs["channels"] == [2, 4]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"in_channels": "$__import__('os').system('true')"}, "expressions are not evaluated"),
        ({"in_channels": "%other.json::x"}, "expressions are not evaluated"),
        ({"in_channels": "@missing"}, "refers to '@missing'"),
        ({"in_channels": "@network_def::in_channels"}, "refers to itself"),
        ({"_target_": "os.system"}, "must be a network of"),
        ({"_target_": "scripts.net.Net"}, "must be a network of"),
        ({"_target_": "monai.bundle.ConfigParser"}, "must be a network of"),
        ({"_target_": "Compose"}, "no network 'Compose'"),
    ],
)
def test_expressions_and_foreign_code_are_never_run(prostate: Path, change: Config, words: str) -> None:
    file = prostate / "configs" / "inference.json"
    config = json.loads(file.read_text())
    config["network_def"] |= change
    file.write_text(json.dumps(config))
    with pytest.raises(ModelError, match=words):
        load_model(prostate, overrides={"defaults": True})


def test_an_unknown_normalization_is_asked(prostate: Path) -> None:
    file = prostate / "configs" / "inference.json"
    config = json.loads(file.read_text())
    config["preprocessing"]["transforms"][2:] = [
        {"_target_": "ScaleIntensityRanged", "a_min": -57, "a_max": 164}
    ]
    file.write_text(json.dumps(config))
    assert "normalisation" in {q.key for q in open_questions(prostate)}
    notes = load_model(prostate, overrides={"defaults": True}).notes
    assert any("ScaleIntensityRanged" in note for note in notes)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([("ScaleIntensityd", {})], "range"),
        ([("NormalizeIntensityd", {}), ("ScaleIntensityd", {"minv": 0, "maxv": 1})], "range"),
        # Leaving out zeros is not linear, and after a scaling the zeros are others.
        ([("NormalizeIntensityd", {"nonzero": True}), ("ScaleIntensityd", {})], None),
        ([("ScaleIntensityd", {}), ("NormalizeIntensityd", {"nonzero": True})], None),
        ([("ScaleIntensityd", {"maxv": 255}), ("NormalizeIntensityd", {})], "zscore"),
        ([("NormalizeIntensityd", {}), ("ScaleIntensityd", {"maxv": 255})], None),
        ([("NormalizeIntensityd", {"subtrahend": 120, "divisor": 30})], None),
        ([("NormalizeIntensityd", {"subtrahend": [120, 90], "divisor": [30, 20]})], None),
        ([("ScaleIntensityRangePercentilesd", {"lower": 1, "upper": 99})], None),
        (
            [
                (
                    "ScaleIntensityRangePercentilesd",
                    {"lower": 1, "upper": 99, "b_min": 0, "b_max": 1, "clip": True},
                )
            ],
            "percentile_1_99",
        ),
        (
            [
                (
                    "ScaleIntensityRangePercentilesd",
                    {"lower": 1, "upper": 99, "b_min": 0, "b_max": 1, "clip": True},
                ),
                ("NormalizeIntensityd", {}),
            ],
            None,
        ),
        ([("NormalizeIntensityd", {"nonzero": "$1 > 0"})], None),
        ([("NormalizeIntensityd", {"nonzero": True, "of_a_later_release": 1})], None),
    ],
)
def test_of_several_scalings_the_last_decides(
    prostate: Path, steps: list[tuple[str, Config]], expected: str | None
) -> None:
    file = prostate / "configs" / "inference.json"
    config = json.loads(file.read_text())
    transforms = [{"_target_": name, **values} for name, values in steps]
    crop = {"_target_": "CropForegroundd", "keys": "image", "source_key": "image"}
    config["preprocessing"]["transforms"] = [crop, *transforms]
    file.write_text(json.dumps(config))
    asked = {q.key for q in open_questions(prostate)}
    assert ("normalisation" in asked) == (expected is None)
    card = load_model(prostate, overrides={"defaults": True}).card
    assert card.normalisation == (expected or "zscore_nonzero")
    assert card.crop_to_head


def test_absent_weights_are_a_sentence(prostate: Path) -> None:
    (prostate / "models" / "model.pt").unlink()
    (prostate / "large_files.yml").write_text("")
    with pytest.raises(ModelError, match=r"holds no models/model\.pt.*large_files\.yml"):
        load_model(prostate)
