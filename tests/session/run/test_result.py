from __future__ import annotations

import numpy as np
import pytest

from napari_osuda.session.api import make_job
from napari_osuda.session.job import CaseResult
from napari_osuda.session.run.result import classes_of, scored


def test_each_output_channel_has_its_value_name_and_color(model, case):
    classes = classes_of(make_job(model, case))
    assert classes == ((0, "background", "#000000"), (3, "lesion", model.card.colours[3]))


def test_masks_are_scored_only_against_a_reference(model, case, reference):
    mask = np.where(reference != 0, 3, 0).astype(np.uint8)
    results = [CaseResult(case, mask, None)]
    (plain,) = scored(results, make_job(model, case))
    assert plain.scores_before == ()
    (found,) = scored(results, make_job(model, case, references=[mask]))
    assert [score.dice for score in found.scores_before] == pytest.approx([1.0])
    assert found.scores_after == (), "there is no adapted mask"
    (both,) = scored([CaseResult(case, mask, mask * 0)], make_job(model, case, references=[mask]))
    assert both.scores_after[0].dice == 0.0
