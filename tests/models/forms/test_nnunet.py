from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
import torch
from nnunet_trained import NAMES, trained

from napari_osuda.errors import ModelError, NotAdaptableError
from napari_osuda.method import AdaptationConfig, adapt, main_output
from napari_osuda.models import (
    check_adaptable,
    inspect_model,
    load_model,
    open_questions,
    save_model,
)


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
        model.network,
        images,
        AdaptationConfig(iterations=2, batch_size=2, learning_rate=1e-3, precision="float32"),
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


def test_the_checkpoint_alone_points_to_its_folder(tmp_path: Path) -> None:
    path, _ = trained(tmp_path)
    with pytest.raises(ModelError, match=r"checkpoint of nnU-Net; give the folder above"):
        load_model(path / "fold_0" / "checkpoint_final.pth")
