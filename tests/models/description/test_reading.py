from __future__ import annotations

from typing import Any

import pytest
from loading_parts import Edit

from napari_osuda.errors import ModelError
from napari_osuda.models import load_model, open_questions


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


def test_several_inputs_are_refused(edit: Edit) -> None:
    with pytest.raises(ModelError, match="2 input tensors"):
        load_model(edit(lambda d: d["inputs"].append({**d["inputs"][0], "id": "second"})))
