from __future__ import annotations

import numpy as np
import pytest

from napari_osuda.evaluation import dice

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
    form.reference.value = found
    assert "same layer" in told(form)
    form.reference.value = viewer.add_labels(np.ones((3, 4, 5), np.uint8), name="elsewhere")
    assert "elsewhere" in told(form)
