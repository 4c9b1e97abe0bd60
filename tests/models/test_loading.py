from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from napari_osuda.errors import ModelError, NotAdaptableError
from napari_osuda.models import ModelCard, check_adaptable, load_model, open_questions
from napari_osuda.networks import UNet

Edit = Callable[[Callable[[dict[str, Any]], Any]], Path]


def _zipped(folder: Path, target: Path, root: str = "") -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.iterdir():
            archive.write(file, root + file.name)
    return target


def test_the_folder_comes_back_as_it_was_written(folder: Path, network: UNet, card: ModelCard) -> None:
    model = load_model(folder)
    assert model.card.model_copy(update={"raw": {}}) == card
    assert model.sha256 == hashlib.sha256((folder / "weights.pt").read_bytes()).hexdigest()
    assert not model.network.training
    x = torch.randn(1, 2, 32, 48)
    assert torch.equal(model.network(x), network(x))


@pytest.mark.parametrize("root", ["", "package/"])
def test_a_zip_is_the_same_as_its_folder(folder: Path, tmp_path: Path, root: str) -> None:
    model, zipped = load_model(folder), load_model(_zipped(folder, tmp_path / "model.zip", root))
    assert zipped.card == model.card
    assert zipped.sha256 == model.sha256


def test_safetensors_weights(folder: Path, network: UNet, edit: Edit) -> None:
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, folder / "weights.safetensors")
    entry = {"source": "weights.safetensors", "sha256": None}
    edit(lambda d: d["weights"]["pytorch_state_dict"].update(entry))
    x = torch.randn(1, 2, 32, 32)
    assert torch.equal(load_model(folder).network(x), network(x))


def test_rdf_yaml_of_spec_0_4(folder: Path, edit: Edit) -> None:
    def to_0_4(d: dict[str, Any]) -> None:
        architecture = d["weights"]["pytorch_state_dict"].pop("architecture")
        d["format_version"] = "0.4.10"
        d["weights"]["pytorch_state_dict"] |= {
            "architecture": f"{architecture['import_from']}.{architecture['callable']}",
            "kwargs": architecture["kwargs"],
        }
        step = {"min": [1, 2, 32, 32], "step": [0, 0, 8, 8]}
        d["inputs"] = [{"name": "raw", "axes": "bcyx", "shape": step, "data_type": "float32"}]
        shape = {"reference_tensor": "raw", "scale": [1.0, 0.0, 1.0, 1.0], "offset": [0.0, 1.5, 0.0, 0.0]}
        d["outputs"] = [{"name": "out", "axes": "bcyx", "shape": shape, "data_type": "float32"}]
        d["test_inputs"], d["test_outputs"] = ["test_input.npy"], ["test_output.npy"]
        del d["config"]

    edit(to_0_4)
    (folder / "bioimageio.yaml").rename(folder / "rdf.yaml")
    assert {q.key: q.default for q in open_questions(folder)} == {
        "channels": ("channel 1", "channel 2"),
        "output_channels": ("class 1", "class 2", "class 3"),
        "normalisation": "zscore_nonzero",
        "activation": "softmax",
        "plane": "axial",
        "orientation": "RAS",
    }
    with pytest.raises(ModelError, match=r"does not say: channels .*--set-card"):
        load_model(folder)
    assert load_model(folder, overrides={"defaults": True}).card.channels == ("channel 1", "channel 2")
    answers = {
        "channels": "t1,t2",
        "labels": "0=background,1=edema,4=core",
        "defaults": "yes",
        "plane": "sagittal",
    }
    card = load_model(folder, overrides=answers).card
    assert card.channels == ("t1", "t2")
    assert card.output_channels == ("background", "edema", "core")
    assert card.labels == {0: "background", 1: "edema", 4: "core"}
    assert (card.plane, card.step, card.minimum) == ("sagittal", (8, 8), (32, 32))


def test_a_foreign_0_5_package_says_what_it_can(edit: Edit) -> None:
    def foreign(d: dict[str, Any]) -> None:
        del d["config"]
        d["inputs"][0]["preprocessing"] = [{"id": "zero_mean_unit_variance"}]
        d["outputs"][0]["postprocessing"] = [{"id": "softmax", "kwargs": {"axis": "channel"}}]

    folder = edit(foreign)
    questions = {q.key: q for q in open_questions(folder)}
    assert {key: q.default for key, q in questions.items()} == {
        "normalisation": "zscore",
        "plane": "axial",
        "orientation": "RAS",
    }
    assert questions["plane"].choices == ("axial", "coronal", "sagittal")
    left = open_questions(folder, overrides={"plane": "axial", "orientation": "SPL"})
    assert [q.key for q in left] == ["normalisation"]
    answers = {"plane": "coronal", "normalisation": "none", "orientation": "spl"}
    card = load_model(folder, overrides=answers).card
    assert (card.plane, card.normalisation, card.activation) == ("coronal", "none", "softmax")
    assert card.orientation == "SPL"


def test_a_foreign_package_says_how_large_its_pixels_are(edit: Edit) -> None:
    def foreign(d: dict[str, Any]) -> None:
        del d["config"]
        for axis, scale in zip(d["inputs"][0]["axes"][2:], (2.0, 1500), strict=True):
            axis |= {"size": 32, "scale": scale, "unit": "millimeter" if scale == 2.0 else "micrometer"}

    card = load_model(edit(foreign), overrides={"defaults": True}).card
    assert (card.size, card.field_of_view_mm) == ((32, 32), (64.0, 48.0))


def test_overrides_correct_the_card_and_unknown_keys_are_listed(folder: Path) -> None:
    assert load_model(folder, overrides={"orientation": "LPS"}).card.orientation == "LPS"
    with pytest.raises(ModelError, match=r"no key 'planes'; the keys are .*plane"):
        load_model(folder, overrides={"planes": "axial"})
    with pytest.raises(ModelError, match=r"config\.osuda\.plane is 'top'; it must be one of axial"):
        load_model(folder, overrides={"plane": "top"})


def _set(*path: Any) -> Callable[[dict[str, Any]], None]:
    *keys, last, value = path

    def change(document: Any) -> None:
        for key in keys:
            document = document[key]
        document[last] = value

    return change


ENTRY = ("weights", "pytorch_state_dict")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_set("type", "dataset"), "type is 'dataset'; it must be model"),
        (_set("format_version", "0.3.2"), "format_version is '0.3.2'"),
        (_set("inputs", []), "bioimageio.yaml.inputs has 0 entries; it needs at least 1"),
        (_set("weights", {}), "weights has 0 entries"),
        (lambda d: d.pop("weights"), "bioimageio.yaml.weights is missing"),
        (_set("inputs", 3), "inputs is 3; it must be a list"),
        (_set(*ENTRY, "source", "other.pt"), "holds no 'other.pt'. It holds: README.md"),
        (_set(*ENTRY, "source", "https://example.org/w.pt"), "download the whole package"),
        (_set(*ENTRY, "sha256", "0" * 64), "damaged or was exchanged"),
        (_set(*ENTRY, "architecture", {"callable": "U", "source": "u.py"}), "which is not run"),
        (_set(*ENTRY, "architecture", None), "architecture is missing"),
        (_set("config", "osuda", "plane", "axail"), "config.osuda.plane is 'axail'; it must be one of axial"),
        (_set("config", "osuda", "plain", "axial"), "config.osuda.plain is not a known key"),
        (_set("config", "osuda", "labels", {0: "a", 1: "b"}), "labels has 2 entries"),
    ],
)  # fmt: skip
def test_a_wrong_description_is_a_sentence(edit: Edit, change: Any, words: str) -> None:
    with pytest.raises(ModelError) as caught:
        load_model(edit(change))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_several_inputs_are_refused(edit: Edit) -> None:
    with pytest.raises(ModelError, match="2 input tensors"):
        load_model(edit(lambda d: d["inputs"].append({**d["inputs"][0], "id": "second"})))


def test_weights_that_do_not_fit_list_the_first_keys(edit: Edit) -> None:
    def wider(d: dict[str, Any]) -> None:
        d["weights"]["pytorch_state_dict"]["architecture"]["kwargs"]["features"] = [4, 6, 9]

    with pytest.raises(
        ModelError, match=r"encoders\.2\.0\.weight is 8 x 6 x 3 x 3 in the file and 9 x 6 x 3 x 3 in"
    ):
        load_model(edit(wider))

    def deeper(d: dict[str, Any]) -> None:
        d["weights"]["pytorch_state_dict"]["architecture"]["kwargs"]["features"] = [4, 6, 8, 8]

    with pytest.raises(ModelError, match=r"missing in the file: encoders\.3\.0\.weight.* and \d+ more"):
        load_model(edit(deeper))


def test_wrong_channel_counts_are_refused(edit: Edit) -> None:
    def one(d: dict[str, Any]) -> None:
        d["inputs"][0]["axes"][1]["channel_names"] = ["t1"]

    with pytest.raises(
        ModelError, match=r"names 1 input channels \(t1\), but the network's first layer .* takes 2"
    ):
        load_model(edit(one))


def test_wrong_output_channel_count_is_refused(edit: Edit) -> None:
    def four(d: dict[str, Any]) -> None:
        d["outputs"][0]["axes"][1]["channel_names"] = ["background", "a", "b", "c"]
        d["config"]["osuda"]["labels"] = {0: "background", 1: "a", 2: "b", 3: "c"}
        del d["config"]["osuda"]["regions"]

    with pytest.raises(ModelError, match="gives 3 output channels, but the card names 4"):
        load_model(edit(four))


def test_what_is_no_model_says_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model at"):
        load_model(tmp_path / "nothing")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ModelError, match=r"is not a model.*notes\.txt"):
        load_model(tmp_path)


def test_networks_that_cannot_be_adapted_say_why() -> None:
    x = torch.zeros(1, 1, 8, 8)
    instance = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 1), torch.nn.InstanceNorm2d(2))
    with pytest.raises(NotAdaptableError, match=r"InstanceNorm2d.*first: 1"):
        check_adaptable(instance, x)
    batch = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 1), torch.nn.BatchNorm2d(2, track_running_stats=False))
    with pytest.raises(NotAdaptableError, match="no running statistics"):
        check_adaptable(batch, x)
