import math

import numpy as np
import pytest

from napari_osuda.errors import CaseError
from napari_osuda.evaluation import dice, evaluate, hausdorff, precision, sensitivity

SPACING = (1.0, 2.0, 3.0)


@pytest.fixture
def volumes():
    prediction, reference = np.zeros((2, 12, 12, 12), dtype=np.uint8)
    reference[2:9, 2:9, 2:9] = 2
    reference[4:7, 4:7, 4:7] = 1
    reference[5, 5, 5] = 4
    prediction[3:9, 2:10, 2:9] = 2
    prediction[4:8, 4:7, 4:7] = 1
    return prediction, reference


def test_rows_hold_the_scores_of_the_masks(volumes):
    prediction, reference = volumes
    rows = evaluate(prediction, reference, SPACING, "brats2021")
    assert [row.region for row in rows] == ["WT", "TC", "ET"]
    p, r = np.isin(prediction, [1, 4]), np.isin(reference, [1, 4])
    core = rows[1]
    assert core.dice == dice(p, r)
    assert core.hd == hausdorff(p, r, SPACING)
    assert core.hd95 == hausdorff(p, r, SPACING, 95)
    assert core.sensitivity == sensitivity(p, r)
    assert core.precision == precision(p, r)
    assert core.prediction_ml == pytest.approx(4 * 3 * 3 * 6 / 1000)
    assert core.reference_ml == pytest.approx(27 * 6 / 1000)
    assert not core.failure


def test_one_empty_mask_is_a_failure_and_two_are_agreement(volumes):
    prediction, reference = volumes
    missed = evaluate(prediction, reference, SPACING, "brats2021")[2]
    assert (missed.dice, missed.hd, missed.hd95, missed.failure) == (0.0, math.inf, math.inf, True)
    agreed = evaluate(prediction, prediction, SPACING, "brats2021")[2]
    assert (agreed.dice, agreed.hd, agreed.hd95, agreed.failure) == (1.0, 0.0, 0.0, False)


def test_two_empty_volumes_score_in_every_region():
    empty = np.zeros((4, 4, 4), dtype=np.int16)
    assert [row.dice for row in evaluate(empty, empty, SPACING, "brats2023")] == [1.0, 1.0, 1.0]
    assert evaluate(empty, empty, SPACING, "each") == []


def test_a_region_of_the_background_is_scored_on_the_whole_volume(volumes):
    prediction, reference = volumes
    (row,) = evaluate(prediction, reference, SPACING, {"background": [0]})
    assert row.dice == dice(prediction == 0, reference == 0)


def test_images_and_other_shapes_are_refused(volumes):
    prediction, reference = volumes
    with pytest.raises(CaseError, match="reference holds float32 values"):
        evaluate(prediction, reference.astype(np.float32), SPACING, "each")
    with pytest.raises(CaseError, match="12 x 12 x 11 voxels and the reference 12 x 12 x 12"):
        evaluate(prediction[..., 1:], reference, SPACING, "each")
