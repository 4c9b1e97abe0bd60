from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hostile_parts import Edit
from pydantic import Field

from napari_osuda.errors import ModelError
from napari_osuda.models import load_model
from napari_osuda.models.files.documents import Document, Name, read_json, read_yaml, typed
from napari_osuda.models.files.packages import Package


class Card(Document):
    name: Name
    count: Annotated[int, Field(ge=1)] = 1
    plane: Literal["axial", "coronal"] = "axial"
    tags: Annotated[list[str], Field(max_length=2, default_factory=list)]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({}, r"card\.name is missing"),
        ({"name": 3}, r"card\.name is 3; it must be a text"),
        ({"name": "a", "count": "2"}, "must be a whole number"),
        ({"name": "a", "count": 0}, r"card\.count is 0; it should be greater than or equal to 1"),
        ({"name": "a", "plane": "up"}, "must be one of axial, coronal"),
        ({"name": "a", "tags": ["a", "b", "c"]}, "has 3 entries; at most 2 are read"),
        ([], "must be a mapping"),
    ],
)
def test_the_first_fault_is_named_in_the_documents_own_words(value, said):
    with pytest.raises(ModelError, match=said):
        typed(Card, value, "card")


def test_names_drive_no_terminal_and_other_keys_are_left_out():
    found = typed(Card, {"name": "a\x1b[31m", "else": 1}, "card")
    assert found.name == "a\\x1b[31m"
    assert not hasattr(found, "else")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"[1, 2]", "not a YAML mapping"),
        (b"a: !!python/name:os.system", "only plain YAML"),
        (b"a: [1", "not readable as YAML"),
        (b"a: " + b"9" * 30, "more than 18 digits"),
        (b"a: " + b"[" * 70 + b"]" * 70, "nested deeper"),
        (b"a: " + b"x" * 2**18, "are not read"),
        (b"a: 1\nb: {c: 1, c: 2}", "a key is there twice"),
    ],
)
def test_yaml_that_is_none_or_too_much_is_a_sentence(text, said):
    with pytest.raises(ModelError, match=said):
        read_yaml(text, "rdf.yaml")


def test_times_stay_texts_and_merges_merge_nothing():
    assert read_yaml(b"a: 2026-01-01\n<<: {b: 1}", "rdf.yaml") == {"a": "2026-01-01", "<<": {"b": 1}}


def test_json_is_read_or_a_sentence(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"a": 1}))
    (tmp_path / "b.json").write_text("{")
    (tmp_path / "c.json").write_text("[" * 100_000)
    with Package(tmp_path) as package:
        assert read_json(package, "a.json") == {"a": 1}
        with pytest.raises(ModelError, match="not readable as JSON"):
            read_json(package, "b.json")
        with pytest.raises(ModelError, match="nested too deep"):
            read_json(package, "c.json")
    (tmp_path / "d.json").write_text('{"a": {"sha256": 1, "sha256": 2}}')
    with Package(tmp_path) as package, pytest.raises(ModelError, match="the key 'sha256' twice"):
        read_json(package, "d.json")


def test_yaml_tags_are_not_followed(folder: Path, tmp_path: Path) -> None:
    victim = tmp_path / "written"
    text = (folder / "bioimageio.yaml").read_text()
    (folder / "bioimageio.yaml").write_text(
        text + f"\nextra: !!python/object/apply:os.system ['touch {victim}']\n"
    )
    with pytest.raises(ModelError, match="only plain YAML is read"):
        load_model(folder)
    assert not victim.exists()


@pytest.mark.parametrize("merge", [False, True])
def test_yaml_that_grows_without_bound(folder: Path, merge: bool) -> None:
    if merge:
        lines = ["a0: &a0 {x: 1}"] + [
            f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}], k{i}: 1}}" for i in range(1, 12)
        ]
    else:
        lines = ["a0: &a0 [1, 2]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    text = (folder / "bioimageio.yaml").read_text()
    (folder / "bioimageio.yaml").write_text(text + "\n".join(lines) + "\n")
    with pytest.raises(ModelError, match="more than 100,000 values"):
        load_model(folder)


@pytest.mark.parametrize("text", [b"a: [", b"\xff\xfe\xfa", b"- a\n- b", b"", b"a: b: c", b"[" * 5000])
def test_what_is_no_description_is_a_sentence(folder: Path, text: bytes) -> None:
    (folder / "bioimageio.yaml").write_bytes(text)
    with pytest.raises(ModelError, match=r"bioimageio\.yaml"):
        load_model(folder)


def test_a_card_that_imports_os(edit: Edit) -> None:
    architecture = {"import_from": "os", "callable": "system", "kwargs": {"command": "true"}}
    with pytest.raises(ModelError, match=r"import_from is 'os'; it must be one of napari_osuda\.networks"):
        load_model(edit(lambda d: d["weights"]["pytorch_state_dict"].update(architecture=architecture)))
