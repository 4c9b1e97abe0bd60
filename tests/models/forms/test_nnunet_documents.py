from __future__ import annotations

from typing import Any

import nnunet_parts as parts
import pytest

from napari_osuda.errors import ModelError
from napari_osuda.models.files.documents import typed
from napari_osuda.models.forms.nnunet_documents import Dataset, Plans
from napari_osuda.models.forms.nnunet_plans import (
    configuration_of,
)


def test_configurations_inherit() -> None:
    first = parts.configuration(3)
    plans = parts.plans({"a": first, "b": {"inherits_from": "a", "spacing": [1.0, 1.0, 1.0]}})
    found = configuration_of(typed(Plans, plans, "plans.json"), "b", "plans.json")
    assert (found.spacing, found.patch_size) == ([1.0, 1.0, 1.0], first["patch_size"])


@pytest.mark.parametrize(
    "dataset",
    [{}, {"channel_names": {"0": "T1"}}, {"channel_names": {"0": "T1"}, "labels": {"a": "x"}}],
)
def test_a_dataset_that_is_not_nnunets_is_refused(dataset: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"dataset.json"):
        typed(Dataset, dataset, "dataset.json")
