from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loading_parts import Edit
from pydantic import ValidationError

from napari_osuda.errors import ModelError
from napari_osuda.models import load_model, open_questions
from napari_osuda.models.description.schema import TensorDocument


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
    with pytest.raises(ModelError, match=r"does not say: channels "):
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
        (_set(*ENTRY, "sha256", "0" * 64), "damaged or was replaced"),
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


_ODD = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.lists(st.floats(), max_size=2)
)


@given(
    st.dictionaries(st.sampled_from(["min", "step", "offset", "scale"]), _ODD | st.lists(_ODD, max_size=5))
)
@settings(deadline=None, max_examples=150)
def test_any_shape_of_0_4_is_read_or_refused(shape: dict[str, Any]) -> None:
    try:
        found = TensorDocument.model_validate({"axes": "bcyx", "shape": shape})
    except ValidationError:
        return
    assert len(found.axes) == 4


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan"), 1e300])
def test_a_factor_that_is_no_size_is_refused(number: float) -> None:
    with pytest.raises(ValidationError):
        TensorDocument.model_validate({"axes": "bc", "shape": {"offset": [0, number], "scale": [1, 0]}})
