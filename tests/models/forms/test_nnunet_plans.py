from __future__ import annotations

from pathlib import Path
from typing import Any

import nnunet_parts as parts
import numpy as np
import pytest
from nnunet_trained import trained

from napari_osuda.errors import ModelError
from napari_osuda.models import (
    decide,
    load_model,
    open_questions,
)
from napari_osuda.models.files.documents import typed
from napari_osuda.models.forms.nnunet_documents import Configuration, Dataset, Plans
from napari_osuda.models.forms.nnunet_plans import (
    architecture_of,
    configuration_of,
    describe_labels,
    describe_preprocessing,
)


def test_regions_overlap_and_are_written_in_their_order(tmp_path: Path) -> None:
    path, _ = trained(tmp_path, regions=True)
    card = load_model(path, overrides={"defaults": True}).card
    assert card.activation == "sigmoid"
    assert card.output_channels == ("whole tumour", "tumor core", "enhancing tumor")
    assert card.labels == {
        0: "background",
        1: "whole tumour (1)",
        2: "tumor core (2)",
        3: "enhancing tumor",
    }
    assert card.channel_values == (1, 2, 3)
    p = np.array([[[0.9, 0.9, 0.9, 0.1], [0.2, 0.8, 0.7, 0.2], [0.1, 0.3, 0.9, 0.4]]])
    assert decide(p, card).tolist() == [[1, 2, 3, 0]]


def test_a_reader_that_turns_images_leaves_nothing_open(tmp_path: Path) -> None:
    path, _ = trained(tmp_path, 2, reader="NibabelIOWithReorient")
    assert open_questions(path) == []
    card = load_model(path).card
    assert (card.orientation, card.plane) == ("SAR", "axial")


def test_older_plans_name_the_same_network() -> None:
    config = parts.configuration(3)
    both = [typed(Configuration, c, "plans.json") for c in (config, parts.older(config))]
    modern, older = (architecture_of(c, True, 2, 3, "plans.json") for c in both)
    assert older == modern
    assert modern.kwargs["arch_kwargs"]["norm_op"] == "torch.nn.modules.batchnorm.BatchNorm3d"
    said: list[dict[str, Any]] = [{}, {}]
    for found, c in zip(said, both, strict=True):
        describe_preprocessing(typed(Plans, parts.plans({}), "plans.json"), c, 2, found, {})
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("configurations", "sentence"),
    [
        ({"2d": {}}, "no configuration 'wanted'; it has 2d"),
        ({"wanted": {"inherits_from": "wanted"}}, "no configuration 'wanted'"),
        ({"wanted": {"previous_stage": "3d_lowres"}}, "takes the mask of '3d_lowres' as an input"),
        (None, "configurations is nothing; it must be a mapping"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused(configurations: Any, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        configuration_of(
            typed(Plans, {"configurations": configurations}, "plans.json"), "wanted", "plans.json"
        )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"normalization_schemes": ["CTNormalization", "ZScoreNormalization"]},
            "CTNormalization, which is not",
        ),
        ({"normalization_schemes": ["ZScoreNormalization"]}, "for 2 channels"),
        ({"spacing": None}, "spacing is nothing; it must be a list"),
        ({"spacing": [1.0, 1.0]}, "spacing has 2 numbers; it must have 3"),
        ({"patch_size": [10**9] * 3}, "patch_size.0 is 1000000000; it should be less"),
    ],
)
def test_a_preprocessing_that_is_not_for_mri_is_refused(changes: dict[str, Any], sentence: str) -> None:
    plans = typed(Plans, parts.plans({"a": parts.configuration(3) | changes}), "plans.json")
    with pytest.raises(ModelError, match=sentence):
        describe_preprocessing(plans, configuration_of(plans, "a", "plans.json"), 2, {}, {})


def test_channel_names_that_only_say_how_to_normalize_are_asked() -> None:
    said: dict[str, Any] = {}
    guessed: dict[str, Any] = {}
    document = parts.dataset() | {"channel_names": {"0": "noNorm"}}
    describe_labels(typed(Dataset, document, "dataset.json"), said, guessed)
    assert guessed["channels"] == ("channel 1",)
    assert "channels" not in said


@pytest.mark.parametrize(
    ("labels", "order", "told"),
    [
        ({"whole": [1, 2, 3], "core": [2, 3], "rim": 3}, [1, 2, 3], ""),
        ({"rim": 3, "core": [2, 3], "whole": [1, 2, 3]}, [3, 2, 1], "each over those before it"),
        ({"A": [1, 2], "B": [2, 3]}, [1, 3], "here they are written as"),
        ({"whole": [1, 2], "core": 2, "ignore": 3}, [1, 2], ""),
    ],
)
def test_regions_that_nnunet_writes_otherwise_are_told(labels: Any, order: list[int], told: str) -> None:
    said = {"channel_names": {"0": "T1"}, "labels": {"background": 0, **labels}, "regions_class_order": order}
    (note, *_) = (*describe_labels(typed(Dataset, said, "dataset.json"), {}, {}), "")
    assert told in note
    assert bool(told) == bool(note)
