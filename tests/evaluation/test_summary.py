import math

import numpy as np
import pytest

from napari_osuda.evaluation import RegionScore, summarize


def score(region="WT", dice=0.5, hd95=4.0):
    return RegionScore(region, dice, 2 * hd95, hd95, 0.6, 0.7, 10.0, 12.0, failure=math.isinf(hd95))


def test_failures_are_counted_and_lower_dice_but_enter_no_distance():
    cases = {
        "a": [score(dice=0.9, hd95=3.0)],
        "b": [score(dice=0.7, hd95=5.0)],
        "c": [score(dice=0.0, hd95=math.inf)],
    }
    (row,) = summarize(cases)
    assert (row.region, row.cases, row.failures) == ("WT", 3, 1)
    assert row.dice_mean == pytest.approx(1.6 / 3)
    assert row.dice_sd == pytest.approx(np.std([0.9, 0.7, 0.0], ddof=1))
    assert row.hd95_mean == pytest.approx(4.0)
    assert row.hd95_sd == pytest.approx(math.sqrt(2))
    assert row.hd_mean == pytest.approx(8.0)


def test_regions_stay_apart_and_in_order():
    rows = summarize({"a": [score("WT"), score("ET", 0.1)], "b": [score("WT", 0.7), score("ET", 0.3)]})
    assert [(row.region, row.dice_mean) for row in rows] == [
        ("WT", pytest.approx(0.6)),
        ("ET", pytest.approx(0.2)),
    ]


def test_what_does_not_exist_is_nan():
    (row,) = summarize({"a": [score(hd95=math.inf)]})
    assert row.dice_mean == 0.5
    assert math.isnan(row.dice_sd)
    assert math.isnan(row.hd95_mean)
