"""A step of a bioimage.io package's processing is done as it says, or told and asked."""

from __future__ import annotations

from typing import Any

import pytest

from napari_osuda.models.description.reading import describe

ProcessingStep = dict[str, Any]
Z, SPAN = "zero_mean_unit_variance", "scale_range"


def _percentiles(low: float, high: float) -> ProcessingStep:
    return {"min_percentile": low, "max_percentile": high}


def _package(
    version: str, dims: int, channels: int, before: list[ProcessingStep], after: list[ProcessingStep]
) -> dict[str, Any]:
    letters = "bc" + "zyx"[-dims:]
    if version == "0.4":
        shape = {"min": [1, channels, *[16] * dims], "step": [0, 0, *[16] * dims]}
        inputs: dict[str, Any] = {"axes": letters, "shape": shape}
        outputs: dict[str, Any] = {"axes": letters}
        name = "name"
    else:
        axes: list[Any] = [
            {"type": "batch"},
            {"type": "channel", "channel_names": [f"c{i}x" for i in range(channels)]},
        ]
        axes += [{"type": "space", "id": letter, "size": {"min": 16, "step": 16}} for letter in letters[2:]]
        inputs, outputs, name = {"axes": axes}, {"axes": axes}, "id"
    kinds = [{name: kind, "kwargs": kwargs} for step in before for kind, kwargs in step.items()]
    later = [{name: kind, "kwargs": kwargs} for step in after for kind, kwargs in step.items()]
    return {
        "format_version": "0.4.10" if version == "0.4" else "0.5.4",
        "inputs": [inputs | {"preprocessing": kinds}],
        "outputs": [outputs | {"postprocessing": later}],
        "weights": {"onnx": {"source": "w.onnx"}},
    }


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize(
    ("dims", "channels", "step", "asked", "default", "noted"),
    [
        (3, 1, {Z: {"axes": "zyx"}}, False, "zscore", False),
        (3, 2, {Z: {"axes": "zyx"}}, False, "zscore", False),
        (3, 1, {Z: {"axes": "czyx", "mode": "per_sample", "eps": 1e-6}}, False, "zscore", False),
        (3, 2, {Z: {"axes": "czyx"}}, True, "zscore", True),
        (2, 1, {Z: {"axes": "xy"}}, True, "zscore", True),
        (3, 1, {Z: {"axes": "yx"}}, True, "zscore_nonzero", True),
        (3, 1, {Z: {"mode": "fixed", "mean": [120.0], "std": [30.0]}}, True, "zscore_nonzero", True),
        (
            3,
            2,
            {
                "fixed_zero_mean_unit_variance": {
                    "mean": [120.0, 90.0],
                    "std": [30.0, 20.0],
                    "axis": "channel",
                }
            },
            True,
            "zscore_nonzero",
            True,
        ),
        (3, 1, {Z: {"mode": "per_dataset", "axes": "zyx"}}, True, "zscore_nonzero", True),
        (3, 1, {SPAN: {"axes": "zyx"}}, False, "range", False),
        (
            3,
            1,
            {SPAN: {"axes": "zyx", **_percentiles(1, 99)}},
            True,
            "percentile_1_99",
            True,
        ),
        (
            3,
            1,
            {SPAN: {"axes": "zyx", **_percentiles(5, 95)}},
            True,
            "zscore_nonzero",
            True,
        ),
        (3, 1, {SPAN: {"axes": "zyx", "reference_tensor": "other"}}, True, "zscore_nonzero", True),
        (3, 1, {"scale_linear": {"gain": 0.004, "offset": -0.5}}, True, "zscore_nonzero", True),
        (3, 1, {"clip": {"min": 0, "max": 100}, Z: {"axes": "zyx"}}, True, "zscore_nonzero", True),
        (3, 1, {"ensure_dtype": {"dtype": "float32"}, Z: {"axes": "zyx"}}, False, "zscore", False),
        (3, 1, {"ensure_dtype": {"dtype": "uint8"}, Z: {"axes": "zyx"}}, True, "zscore_nonzero", True),
        (3, 1, {"a_step_of_a_later_release": {}}, True, "zscore_nonzero", True),
        (3, 1, {}, True, "zscore_nonzero", False),
    ],
)
def test_before_the_network(
    version: str, dims: int, channels: int, step: ProcessingStep, asked: bool, default: str, noted: bool
) -> None:
    if version == "0.5":
        letters = {"c": "channel"}
        step = {
            kind: kwargs | ({"axes": [letters.get(a, a) for a in kwargs["axes"]]} if "axes" in kwargs else {})
            for kind, kwargs in step.items()
        }
    found = describe(_package(version, dims, channels, [step], []), "rdf.yaml")
    assert ("normalisation" in found.guessed) == asked
    assert {**found.guessed, **found.said}["normalisation"] == default
    assert bool(found.notes) == noted


@pytest.mark.parametrize(
    ("steps", "said", "noted"),
    [
        ([{"sigmoid": {}}], "sigmoid", False),
        ([{"softmax": {"axis": "channel"}}], "softmax", False),
        ([{"sigmoid": {}}, {"binarize": {"threshold": 0.5}}], "sigmoid", False),
        ([{"sigmoid": {}}, {"binarize": {"threshold": 0.2}}], "sigmoid", True),
        ([{"scale_linear": {"gain": 2.0}}, {"sigmoid": {}}], None, True),
        ([{"sigmoid": {}}, {"scale_range": {}}], "sigmoid", True),
        ([], None, False),
    ],
)
def test_after_the_network(steps: list[ProcessingStep], said: str | None, noted: bool) -> None:
    found = describe(_package("0.5", 3, 1, [], steps), "rdf.yaml")
    assert found.said.get("activation") == said
    assert ("activation" in found.guessed) == (said is None)
    assert bool(found.notes) == noted
