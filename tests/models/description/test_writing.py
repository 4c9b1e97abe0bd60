from __future__ import annotations

import hashlib
from datetime import datetime

import numpy as np
import pytest
import yaml

from napari_osuda.models import ModelCard
from napari_osuda.models.description.reading import describe
from napari_osuda.models.description.writing import model_document, readme_of

FILES = {name: name.encode() for name in ("weights.pt", "test_input.npy", "test_output.npy", "README.md")}


def document(card, provenance=None, **fields):
    return model_document(card, FILES, provenance, fields)


def test_what_is_written_is_read_as_the_same_card(card):
    found = describe(yaml.safe_load(yaml.safe_dump(document(card))), "bioimageio.yaml")
    assert found.guessed == {}
    again = ModelCard.of("config.osuda", **{**found.said, "architecture": card.architecture})
    assert again.model_dump(exclude={"raw"}) == card.model_dump(exclude={"raw"})


def test_every_file_is_told_with_its_hash(card):
    written = document(card)
    weights = written["weights"]["pytorch_state_dict"]
    assert weights["sha256"] == hashlib.sha256(b"weights.pt").hexdigest()
    assert written["inputs"][0]["test_tensor"]["sha256"] == hashlib.sha256(b"test_input.npy").hexdigest()


def test_a_program_has_no_architecture_and_a_license_is_not_made_up(card):
    written = document(card.model_copy(update={"architecture": None, "license": None}))
    assert set(written["weights"]) == {"torchscript"}
    assert "license" not in written


def test_provenance_is_kept_as_plain_values(card):
    kept = document(card, {"dice": np.float32(0.5), "cases": ("a",), "when": datetime(2026, 1, 1)})
    assert kept["config"]["osuda"]["provenance"] == {
        "dice": 0.5,
        "cases": ["a"],
        "when": "2026-01-01 00:00:00",
    }
    assert "provenance" not in document(card)["config"]["osuda"]


@pytest.mark.parametrize(
    ("name", "written"), [("Tumör", "Tum-r"), ("ab", "Model ab"), ("x" * 200, "x" * 128)]
)
def test_a_name_has_the_letters_and_the_length_of_the_spec(card, name, written):
    assert document(card.model_copy(update={"name": name}))["name"] == written


def test_pixels_have_a_size_where_the_card_fixes_it(card):
    fixed = card.model_copy(update={"size": (64, 64), "field_of_view_mm": (128.0, 96.0)})
    space = document(fixed)["inputs"][0]["axes"][2:]
    assert [(axis["scale"], axis["unit"]) for axis in space] == [(2.0, "millimeter"), (1.5, "millimeter")]
    assert "scale" not in document(card)["inputs"][0]["axes"][2]


def test_the_readme_says_what_it_does_and_where_it_is_from(card):
    text = readme_of(card, {"method": "osuda"})
    assert "Segments edema, enhancing from t1, t2 MRI." in text
    assert "- method: osuda" in text
    assert "How it came about" not in readme_of(card, None)
