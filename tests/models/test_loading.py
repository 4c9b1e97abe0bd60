from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from loading_parts import Edit

from napari_osuda.errors import ModelError, NotAdaptableError
from napari_osuda.models import ModelCard, check_adaptable, load_model
from napari_osuda.networks import UNet


def test_the_folder_comes_back_as_it_was_written(folder: Path, network: UNet, card: ModelCard) -> None:
    model = load_model(folder)
    assert model.card.model_copy(update={"raw": {}}) == card
    assert model.sha256 == hashlib.sha256((folder / "weights.pt").read_bytes()).hexdigest()
    assert not model.network.training
    x = torch.randn(1, 2, 32, 48)
    assert torch.equal(model.network(x), network(x))


def test_overrides_correct_the_card_and_unknown_keys_are_listed(folder: Path) -> None:
    assert load_model(folder, overrides={"orientation": "LPS"}).card.orientation == "LPS"
    with pytest.raises(ModelError, match=r"no key 'planes'; the keys are .*plane"):
        load_model(folder, overrides={"planes": "axial"})
    with pytest.raises(ModelError, match=r"config\.osuda\.plane is 'top'; it must be one of axial"):
        load_model(folder, overrides={"plane": "top"})


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


@pytest.mark.parametrize(
    ("first", "noted"), [("edema", True), ("Background", False), ("healthy tissue", False)]
)
def test_a_first_class_that_is_something_is_told(folder: Path, edit: Edit, first: str, noted: bool) -> None:
    def called(document: dict[str, Any]) -> None:
        document["config"]["osuda"]["labels"][0] = first

    edit(called)
    assert any("first class" in note for note in load_model(folder).notes) == noted
