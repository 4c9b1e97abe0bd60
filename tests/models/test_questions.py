from __future__ import annotations

import pytest

from napari_osuda.errors import ModelError
from napari_osuda.models import Architecture
from napari_osuda.models.questions import answered_card, parse, questions_of

GUESSED = {"channels": ("t1",), "plane": "axial", "spacing_mm": None}
SAID = {"output_channels": ("background", "lesion"), "spatial_dims": 2}
KNOWN = Architecture(import_from="napari_osuda.networks", callable="UNet", kwargs={"in_channels": 1})


def keys(questions):
    return [question.key for question in questions]


def test_what_was_answered_is_asked_no_more():
    assert keys(questions_of(GUESSED, {})) == ["channels", "plane", "spacing_mm"]
    assert keys(questions_of(GUESSED, {"plane": "coronal"})) == ["channels", "spacing_mm"]


def test_accepting_the_defaults_leaves_what_has_none():
    assert keys(questions_of(GUESSED, {"defaults": True})) == ["spacing_mm"]


def test_labels_answer_for_the_names_of_the_channels():
    guessed = {"output_channels": ("class 0", "class 1")}
    assert keys(questions_of(guessed, {"labels": {0: "background", 1: "lesion"}})) == []


def test_open_questions_are_listed_with_how_to_answer_them():
    with pytest.raises(ModelError, match=r"channels \(default t1\); plane \(default axial: axial") as caught:
        answered_card(SAID, GUESSED, {}, "weights.pt")
    assert "--set-card defaults=yes" in caught.value.command


def test_answers_correct_what_is_stated():
    card = answered_card(SAID, {"channels": ("t1",)}, {"defaults": True, "plane": "coronal"}, "weights.pt")
    assert (card.channels, card.plane) == (("t1",), "coronal")


def test_arguments_are_laid_over_those_that_are_known():
    said = {**SAID, "architecture": KNOWN}
    card = answered_card(said, {}, {"channels": ("t1",), "kwargs": {"out_channels": 2}}, "weights.pt")
    assert card.architecture.kwargs == {"in_channels": 1, "out_channels": 2}
    other = answered_card(said, {}, {"channels": ("t1",), "architecture": "monai.networks.nets.UNet"}, "w")
    assert (other.architecture.import_from, other.architecture.callable) == ("monai.networks.nets", "UNet")


def test_an_unknown_key_is_named_with_those_there_are():
    with pytest.raises(ModelError, match=r"no key 'plan'; the keys are .*plane"):
        parse({"plan": "axial"})
    assert parse(None) == {}
