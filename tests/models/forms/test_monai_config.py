from __future__ import annotations

import pytest

from napari_osuda.errors import ModelError
from napari_osuda.models.files.documents import typed
from napari_osuda.models.forms.monai_config import BundleConfig, Metadata


def config(**document):
    return BundleConfig(document, "inference.json")


def test_references_are_followed_into_mappings_and_lists():
    found = config(a={"b": [1, {"c": 3}]}, d="@a::b::1::c", e=["@d", "@a#b"])
    assert found.resolved("@d") == 3
    assert found.resolved("@e") == [3, [1, {"c": 3}]]
    assert found.resolved({"x": "@a::b::0", "y": "plain"}) == {"x": 1, "y": "plain"}


@pytest.mark.parametrize(
    ("value", "said"),
    [("@nothing", "not in the configuration"), ("@a::9", "not in the configuration"),
     ("$__import__('os')", "expressions are not evaluated"), ("%other.json", "expressions are not evaluated"),
     ("@loop", "refers to itself")],
)  # fmt: skip
def test_what_cannot_be_followed_is_said(value, said):
    with pytest.raises(ModelError, match=said):
        config(a=[1], loop="@loop").resolved(value, "network_def")


def test_references_that_multiply_are_refused():
    document = {"x0": [1] * 10, **{f"x{i}": [f"@x{i - 1}"] * 10 for i in range(1, 9)}}
    with pytest.raises(ModelError, match="20,000 values"):
        BundleConfig(document, "inference.json").resolved("@x8")


def test_steps_are_told_with_what_could_not_be_read():
    found = config(
        preprocessing={"_target_": "Compose", "transforms": [
            {"_target_": "monai.transforms.ScaleIntensityd", "keys": "image", "minv": "$0"},
            {"_target_": "Gone", "_disabled_": True},
            "@step",
        ]},
        step={"keys": "image", "argmax": True},
    )  # fmt: skip
    steps, readable = found.steps("preprocessing")
    assert readable
    assert [(step.kind, step.arguments, step.unread) for step in steps] == [
        ("ScaleIntensityd", {"keys": "image"}, ("minv",)),
        ("", {"keys": "image", "argmax": True}, ()),
    ]


@pytest.mark.parametrize(
    ("value", "readable"), [(None, True), ([], True), ("$make()", False), ({"transforms": 3}, False)]
)
def test_steps_that_are_an_expression_cannot_be_read(value, readable):
    assert config(preprocessing=value).steps("preprocessing") == ([], readable)


def test_channels_are_named_by_the_metadata():
    # Numbers count, and not the order in which they are written.
    tensors = {"image": {"channel_def": {1: "T2", "10": "FLAIR", "0": "T1"}}}
    found = typed(Metadata, {"network_data_format": {"inputs": tensors}}, "metadata.json")
    assert found.channels("inputs") == ("T1", "T2", "FLAIR")
    assert found.channels("outputs") == ()
    assert typed(Metadata, {}, "metadata.json").channels("inputs") == ()
