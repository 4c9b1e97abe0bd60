from __future__ import annotations

import pytest

from napari_osuda.benchmark.real.sources import Home, source_model
from napari_osuda.benchmark.real.training import RealRecipe
from napari_osuda.errors import CaseError, OutputError
from napari_osuda.models import Architecture, ModelCard, write_model_folder
from napari_osuda.networks import UNet

RECIPE = RealRecipe(epochs=1, batch_size=2, features=(2, 4))


def home(**changes):
    card = ModelCard.of(
        channels=("flair",), output_channels=("background", "lesion"),
        labels={0: "background", 1: "lesion"},
        architecture=Architecture(
            import_from="napari_osuda.networks", callable="UNet",
            kwargs={"in_channels": 1, "out_channels": 2, "features": [2, 4]},
        ),
    )  # fmt: skip
    known = {"name": "lgg-flair", "card": card, "recipe": RECIPE, "training": ("a", "b"),
             "validation": ("c",), "load": None}  # fmt: skip
    return Home(**known | changes)


def test_a_model_of_the_same_making_is_taken_as_it_is(tmp_path):
    known = home(validation=())
    write_model_folder(
        tmp_path / "lgg-flair", UNet(1, 2, (2, 4)).eval(), known.card, provenance=known.record()
    )
    assert source_model(known, tmp_path).card.channels == ("flair",)


@pytest.mark.parametrize(
    "changes", [{"training": ("a",)}, {"validation": ()}, {"recipe": RealRecipe(epochs=2, batch_size=2)}]
)
def test_a_model_of_another_making_is_not_taken_for_it(tmp_path, changes):
    known = home()
    write_model_folder(
        tmp_path / "lgg-flair", UNet(1, 2, (2, 4)).eval(), known.card, provenance=known.record()
    )
    with pytest.raises(OutputError, match="another recipe or on other patients"):
        source_model(home(**changes), tmp_path)


def test_with_nobody_to_train_on_it_is_said(tmp_path):
    with pytest.raises(CaseError, match="nobody to train lgg-flair on"):
        source_model(home(training=()), tmp_path)
