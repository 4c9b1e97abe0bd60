from __future__ import annotations

import numpy as np
import pytest

from napari_osuda.errors import CaseError
from napari_osuda.evaluation import dice
from napari_osuda.napari_layers.masks import RESULT_KEY

pytestmark = pytest.mark.viewer


def test_two_layers_are_scored_by_label_and_ill_pairs_refused(viewer, masks, told):
    found, reference = masks
    _, form = viewer.window.add_plugin_dock_widget("napari-osuda", "OSUDA: Evaluate against a layer")
    form.mask.value, form.reference.value = found, reference
    title, line = told(form).splitlines()
    assert title.startswith("Region\tDice")
    region, score, distance, ml, _ = line.split("\t")
    assert region == "label (1)"
    assert float(score) == round(dice(found.data == 1, reference.data == 1), 3)
    assert float(distance) == pytest.approx(found.scale[1], abs=0.01)
    assert float(ml) == round((found.data == 1).sum() * np.prod(found.scale) / 1000, 2)

    reference.data = reference.data * 0
    assert "one is empty" in told(form)
    found.data = found.data * 0
    assert told(form) == "Both masks are empty: there is nothing to compare."
    form.reference.value = viewer.add_labels(np.ones((3, 4, 5), np.uint8), name="elsewhere")
    assert "elsewhere" in told(form)


def test_a_layer_is_never_offered_as_its_own_reference(viewer, masks, told):
    of_a_run = viewer.layers[masks[0].name]
    of_a_run.metadata = {RESULT_KEY: "before"}
    _, form = viewer.window.add_plugin_dock_widget("napari-osuda", "OSUDA: Evaluate against a layer")
    for mask in form.mask.choices:
        form.mask.value = mask
        assert form.reference.value is not None
        assert set(form.reference.choices) == set(form.mask.choices) - {mask}
    assert form.mask.value is not of_a_run
    assert form.reference.choices[-1] is of_a_run, "a mask of a run is the last to be taken for a reference"
    viewer.add_labels(np.zeros((3, 4, 5), np.uint8), name="third")
    assert len(form.reference.choices) == len(form.mask.choices) - 1
    for layer in form.reference.choices:
        viewer.layers.remove(layer)
    assert form.reference.value is None
    assert "two Labels layers" in told(form)
    with pytest.raises(CaseError, match="Choose two"):
        form(form.mask.value, form.mask.value)()
