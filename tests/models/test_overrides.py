from __future__ import annotations

import pytest

from napari_osuda.errors import ModelError
from napari_osuda.models.overrides import parse_overrides


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("plane", "coronal", "coronal"),
        ("channels", "t1, t2", ("t1", "t2")),
        ("channels", "[t1,t2,]", ("t1", "t2")),
        ("labels", "0=background, 4=tumor", {0: "background", 4: "tumor"}),
        ("labels", "{0: background, 4: tumor}", {0: "background", 4: "tumor"}),
        ("size", "128,96", [128, 96]),
        ("size", "[128, 96]", [128, 96]),
        ("crop_to_head", "true", True),
        ("kwargs", "{features: [4, 8]}", {"features": [4, 8]}),
    ],
)
def test_an_answer_is_read_as_people_type_it(key, text, value):
    assert parse_overrides({key: text}) == {key: value}


def test_values_from_python_stay_as_they_are():
    given = {"size": (1, 2), "labels": {0: "a"}}
    assert parse_overrides(given) == given


def test_what_cannot_be_read_names_its_key():
    with pytest.raises(ModelError, match="The card's size"):
        parse_overrides({"size": "[1, 2"})
    with pytest.raises(ModelError, match="only plain YAML"):
        parse_overrides({"size": "!!python/object:os.system {}"})
