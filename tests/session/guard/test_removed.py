from __future__ import annotations

import numpy as np
import pytest

from napari_osuda.imaging import Grid, case_from_arrays
from napari_osuda.session.advice import Expected, ReasonKind, Recommendation, RegionAdvice
from napari_osuda.session.guard.passes import WHOLE
from napari_osuda.session.guard.removed import without_pieces


def case():
    image = np.ones((10, 10, 4), np.float32)
    return case_from_arrays("someone", {"T2": image}, Grid((10, 10, 4), np.diag([2.0, 2.0, 5.0, 1.0])))


def said(dice=0.6, decision="keep-source"):
    region = RegionAdvice(decision, Expected(dice, dice - 0.2, dice + 0.2), Expected(0.1, 0.0, 0.3))
    return Recommendation(decision, (), {"candidate": "adapted", "figures": {}}, {WHOLE: region})


def masks():
    before = np.zeros((10, 10, 4), np.uint8)
    before[:5, :4, 1] = 1
    after = before.copy()
    before[8:10, 8:10, 2:4] = 1
    return before, after


def test_what_is_left_is_recommended_with_what_is_gone():
    before, after = masks()
    advice = without_pieces(said(), before, after, case(), 0.3)
    assert advice.decision == "accept"
    first, volumes = advice.reasons
    assert first.kind is ReasonKind.REMOVED
    # Eight voxels of 20 mm3 in one piece, of 28 that were marked.
    assert first.figures == {"pieces": 1.0, "ml": pytest.approx(0.16)}
    assert volumes.kind is ReasonKind.VOLUMES
    assert volumes.figures["before_ml"] == pytest.approx(0.56)
    region = advice.regions[WHOLE]
    assert region.before.dice == 0.6
    assert region.after.dice == pytest.approx(0.6 / (1 - 8 / 28 / 2))
    assert advice.signals["candidate"] == "pieces"


def test_the_expected_dice_is_right_where_the_mask_is_as_large_as_the_reference():
    before, after = masks()
    reference = np.zeros_like(before)
    reference[:5, :4, 1] = 1
    reference[6, :8, 3] = 1  # 28 voxels, 20 of them hit
    was = 2 * 20 / (28 + 28)
    advice = without_pieces(said(was), before, after, case(), 0.3)
    assert advice.regions[WHOLE].after.dice == pytest.approx(2 * 20 / (20 + 28))


def test_a_poor_mask_stays_a_poor_one():
    before, after = masks()
    advice = without_pieces(said(0.1), before, after, case(), 0.3)
    assert advice.decision == "neither"
    assert [reason.kind for reason in advice.reasons[:2]] == [ReasonKind.POOR, ReasonKind.REMOVED]
    # What is expected of what is left alone trusts no mask.
    assert without_pieces(said(0.28), before, after, case(), 0.3).decision == "neither"


def test_where_nothing_is_gone_it_is_the_original_mask():
    before, _ = masks()
    advice = without_pieces(said(), before, before.copy(), case(), 0.3)
    assert advice.reasons[0].kind is ReasonKind.UNCHANGED
    assert without_pieces(said(0.1, "neither"), before, before.copy(), case(), 0.3).decision == "neither"
