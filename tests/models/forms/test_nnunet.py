from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import nnunet_parts as parts
import numpy as np
import pytest
import torch

from napari_osuda.errors import ModelError, NotAdaptableError
from napari_osuda.method import AdaptationConfig, adapt, main_output
from napari_osuda.models import (
    check_adaptable,
    decide,
    inspect_model,
    load_model,
    open_questions,
    save_model,
)
from napari_osuda.models.architectures import nnunet as nnunet_networks
from napari_osuda.models.files.documents import typed
from napari_osuda.models.forms.nnunet_documents import Configuration, Dataset, Plans
from napari_osuda.models.forms.nnunet_plans import (
    architecture_of,
    configuration_of,
    describe_labels,
    describe_preprocessing,
)

NAMES = {2: "2d", 3: "3d_fullres"}


def trained(
    at: Path,
    dims: int = 3,
    network: str = "PlainConvUNet",
    *,
    batch_norm: bool = True,
    regions: bool = False,
    **how: Any,
) -> tuple[Path, torch.nn.Module]:
    """A trained model's folder, and the network in it."""
    pytest.importorskip("dynamic_network_architectures")
    config = parts.configuration(dims, network)
    built = parts.built(config, batch_norm, 3)
    all_plans = parts.plans({NAMES[dims]: config}, reader=how.pop("reader", "SimpleITKIO"))
    trainer = "nnUNetTrainerBN" if batch_norm else "nnUNetTrainer"
    said = parts.dataset(regions)
    return parts.folder(at, all_plans, said, NAMES[dims], built.state_dict(), trainer, **how), built


def same_output(network: torch.nn.Module, built: torch.nn.Module, size: tuple[int, ...]) -> None:
    x = torch.randn((2, 2, *size), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(main_output(network(x)), built(x)[0], rtol=0, atol=0)


@pytest.mark.parametrize("network", ["PlainConvUNet", "ResidualEncoderUNet"])
@pytest.mark.parametrize("dims", [2, 3])
def test_the_network_is_nnunets_and_the_card_says_its_preprocessing(
    dims: int, network: str, tmp_path: Path
) -> None:
    path, built = trained(tmp_path, dims, network)
    model = load_model(path, overrides={"defaults": True})
    same_output(model.network, built, (8, 16, 12)[-dims:])
    card = model.card
    assert model.form == "nnunet"
    assert card.name == f"Dataset007_Glioma {NAMES[dims]}"
    assert card.channels == ("T1", "FLAIR")
    assert card.labels == {0: "background", 1: "edema", 2: "enhancing"}
    assert card.activation == "softmax"
    assert card.normalisation == ("zscore_head", "zscore")
    assert card.crop_to_head
    assert card.interpolation == "cubic"
    assert card.orientation == "SPL"
    if dims == 3:
        assert (card.plane, card.size, card.spacing_mm) == ("volume", (8, 16, 12), (3.0, 2.0, 2.5))
        assert (card.step, card.minimum) == ((2, 4, 4), (2, 4, 4))
    else:
        assert (card.plane, card.size, card.spacing_mm) == ("axial", None, (1.0, 2.0, 2.5))
        assert (card.step, card.minimum, card.window) == ((4, 4), (16, 12), (16, 12))
    inspection = inspect_model(model)
    assert inspection.adaptable
    # The decoder lists the encoder's layers once more.
    assert any(name.startswith("decoder.encoder.") for name in inspection.aliases)
    questions = {question.key for question in open_questions(path)}
    assert questions == ({"orientation", "plane"} if dims == 2 else {"orientation"})


def test_instance_norm_is_refused_with_the_trainer_that_would_do(tmp_path: Path) -> None:
    path, built = trained(tmp_path, batch_norm=False)
    model = load_model(path, overrides={"defaults": True})
    same_output(model.network, built, (8, 16, 12))
    inspection = inspect_model(model)
    assert not inspection.adaptable
    assert "InstanceNorm3d" in inspection.reason
    assert "-tr nnUNetTrainerBN" in inspection.reason
    with pytest.raises(NotAdaptableError, match="-tr nnUNetTrainerBN"):
        check_adaptable(model, torch.zeros(1, 2, 8, 16, 12))


def test_an_adapted_checkpoint_is_one_of_nnunet_again(tmp_path: Path) -> None:
    path, built = trained(tmp_path)
    model = load_model(path, overrides={"defaults": True})
    images = [1 + torch.randn((2, 2, 8, 16, 12), generator=torch.Generator().manual_seed(2))]
    adaptation = adapt(
        model.network, images, AdaptationConfig(iterations=2, batch_size=2, learning_rate=1e-3)
    )
    adapted = adaptation.finish()
    assert model.native is not None
    assert model.native.name == "fold_0/checkpoint_final.pth"
    assert json.loads(model.native.beside["plans.json"])["dataset_name"] == "Dataset007_Glioma"
    before = torch.load(path / "fold_0/checkpoint_final.pth", weights_only=False)
    after = torch.load(io.BytesIO(model.native(adapted)), weights_only=False)
    assert list(after) == list(before)
    assert after["logging"] == before["logging"]
    assert after["init_args"] == before["init_args"]
    built.load_state_dict(after["network_weights"], strict=True)
    same_output(adapted, built, (8, 16, 12))
    # The model folder holds the same, by the arguments of nnU-Net's own function.
    folder = save_model(tmp_path / "adapted", adapted, model, {"run": "r"})
    again = load_model(folder)
    same_output(again.network, built, (8, 16, 12))
    assert again.card.normalisation == model.card.normalisation
    assert again.card.crop_to_head
    assert again.card.interpolation == "cubic"


def test_regions_overlap_and_are_written_in_their_order(tmp_path: Path) -> None:
    path, _ = trained(tmp_path, regions=True)
    card = load_model(path, overrides={"defaults": True}).card
    assert card.activation == "sigmoid"
    assert card.output_channels == ("whole tumour", "tumor core", "enhancing tumor")
    assert card.labels == {
        0: "background",
        1: "whole tumour (1)",
        2: "tumor core (2)",
        3: "enhancing tumor",
    }
    assert card.channel_values == (1, 2, 3)
    p = np.array([[[0.9, 0.9, 0.9, 0.1], [0.2, 0.8, 0.7, 0.2], [0.1, 0.3, 0.9, 0.4]]])
    assert decide(p, card).tolist() == [[1, 2, 3, 0]]


def test_a_zip_and_a_folder_above_are_read_too(tmp_path: Path) -> None:
    path, built = trained(tmp_path / "Dataset007_Glioma")
    same_output(load_model(path.parent, overrides={"defaults": True}).network, built, (8, 16, 12))
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        for file in sorted(path.rglob("*")):
            archive.write(file, file.relative_to(tmp_path))
    model = load_model(tmp_path / "model.zip", overrides={"defaults": True})
    same_output(model.network, built, (8, 16, 12))
    other = path.parent / "nnUNetTrainer__nnUNetPlans__2d"
    other.mkdir()
    for name in ("plans.json", "dataset.json"):
        (other / name).write_text("{}")
    with pytest.raises(
        ModelError, match=r"2 trained models.*give one of them: .*nnUNetTrainer__nnUNetPlans__2d"
    ):
        load_model(path.parent)


def test_of_several_folds_the_one_of_all_cases_is_taken_and_said(tmp_path: Path) -> None:
    path, _ = trained(tmp_path, folds=("0", "1", "all"))
    model = load_model(path, overrides={"defaults": True})
    assert any("Of the folds fold_all, fold_0, fold_1, fold_all is taken." in note for note in model.notes)


def test_a_reader_that_turns_images_leaves_nothing_open(tmp_path: Path) -> None:
    path, _ = trained(tmp_path, 2, reader="NibabelIOWithReorient")
    assert open_questions(path) == []
    card = load_model(path).card
    assert (card.orientation, card.plane) == ("SAR", "axial")


def test_the_checkpoint_alone_points_to_its_folder(tmp_path: Path) -> None:
    path, _ = trained(tmp_path)
    with pytest.raises(ModelError, match=r"checkpoint of nnU-Net; give the folder above"):
        load_model(path / "fold_0" / "checkpoint_final.pth")


def test_the_missing_library_is_named_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = parts.configuration(3)
    path = parts.folder(
        tmp_path, parts.plans({"3d_fullres": config}), parts.dataset(), "3d_fullres",
        {"encoder.weight": torch.zeros(4, 2, 3, 3, 3), "encoder.running_mean": torch.zeros(4)},
    )  # fmt: skip

    def absent() -> None:
        raise ImportError(name="dynamic_network_architectures")

    monkeypatch.setattr(nnunet_networks.importlib, "import_module", lambda name: absent())
    with pytest.raises(ModelError, match=r"pip install 'napari-osuda\[nnunet\]'"):
        load_model(path, overrides={"defaults": True})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"arch_class_name": "os.system"}, "the network system; it must be one of PlainConvUNet"),
        (
            {"arch_kwargs": {"conv_op": "subprocess.Popen"}},
            "'subprocess.Popen' for conv_op; it must be one of",
        ),
        ({"arch_kwargs": {"nonlin": "evil.ReLU"}}, "'evil.ReLU' for nonlin"),
    ],
)
def test_plans_cannot_name_what_is_not_a_network(change: dict[str, Any], sentence: str) -> None:
    arguments: dict[str, Any] = {
        "arch_class_name": "x.PlainConvUNet",
        "arch_kwargs": {"conv_op": "torch.nn.Conv2d", "nonlin": None},
        "arch_kwargs_req_import": ["conv_op", "nonlin"],
        "input_channels": 1,
        "output_channels": 2,
    }
    with pytest.raises(ModelError, match=sentence):
        nnunet_networks.get_network_from_plans(**(arguments | change))


def test_older_plans_name_the_same_network() -> None:
    config = parts.configuration(3)
    both = [typed(Configuration, c, "plans.json") for c in (config, parts.older(config))]
    modern, older = (architecture_of(c, True, 2, 3, "plans.json") for c in both)
    assert older == modern
    assert modern.kwargs["arch_kwargs"]["norm_op"] == "torch.nn.modules.batchnorm.BatchNorm3d"
    said: list[dict[str, Any]] = [{}, {}]
    for found, c in zip(said, both, strict=True):
        describe_preprocessing(typed(Plans, parts.plans({}), "plans.json"), c, 2, found, {})
    assert said[0] == said[1]


def test_configurations_inherit() -> None:
    first = parts.configuration(3)
    plans = parts.plans({"a": first, "b": {"inherits_from": "a", "spacing": [1.0, 1.0, 1.0]}})
    found = configuration_of(typed(Plans, plans, "plans.json"), "b", "plans.json")
    assert (found.spacing, found.patch_size) == ([1.0, 1.0, 1.0], first["patch_size"])


@pytest.mark.parametrize(
    ("configurations", "sentence"),
    [
        ({"2d": {}}, "no configuration 'wanted'; it has 2d"),
        ({"wanted": {"inherits_from": "wanted"}}, "no configuration 'wanted'"),
        ({"wanted": {"previous_stage": "3d_lowres"}}, "takes the mask of '3d_lowres' as an input"),
        (None, "configurations is nothing; it must be a mapping"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused(configurations: Any, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        configuration_of(
            typed(Plans, {"configurations": configurations}, "plans.json"), "wanted", "plans.json"
        )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"normalization_schemes": ["CTNormalization", "ZScoreNormalization"]},
            "CTNormalization, which is not",
        ),
        ({"normalization_schemes": ["ZScoreNormalization"]}, "for 2 channels"),
        ({"spacing": None}, "spacing is nothing; it must be a list"),
        ({"spacing": [1.0, 1.0]}, "spacing has 2 numbers; it must have 3"),
        ({"patch_size": [10**9] * 3}, "patch_size.0 is 1000000000; it should be less"),
    ],
)
def test_a_preprocessing_that_is_not_for_mri_is_refused(changes: dict[str, Any], sentence: str) -> None:
    plans = typed(Plans, parts.plans({"a": parts.configuration(3) | changes}), "plans.json")
    with pytest.raises(ModelError, match=sentence):
        describe_preprocessing(plans, configuration_of(plans, "a", "plans.json"), 2, {}, {})


@pytest.mark.parametrize(
    "dataset",
    [{}, {"channel_names": {"0": "T1"}}, {"channel_names": {"0": "T1"}, "labels": {"a": "x"}}],
)
def test_a_dataset_that_is_not_nnunets_is_refused(dataset: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"dataset.json"):
        typed(Dataset, dataset, "dataset.json")


def test_channel_names_that_only_say_how_to_normalize_are_asked() -> None:
    said: dict[str, Any] = {}
    guessed: dict[str, Any] = {}
    document = parts.dataset() | {"channel_names": {"0": "noNorm"}}
    describe_labels(typed(Dataset, document, "dataset.json"), said, guessed)
    assert guessed["channels"] == ("channel 1",)
    assert "channels" not in said
