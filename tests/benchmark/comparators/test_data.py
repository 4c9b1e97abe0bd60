from __future__ import annotations

import numpy as np
import pytest

from napari_osuda.benchmark.comparators.data import folds, labeled_slices, unlabeled_slices
from napari_osuda.errors import CaseError


def test_both_domains_come_through_the_models_preprocessing(series):
    card = series.model().card
    known = labeled_slices(series.patients, series.load, card)
    assert set(np.unique(known.classes)) == {0, 1}
    # The references have no part in it.
    images = unlabeled_slices(map(series.load, series.patients), card)
    assert np.array_equal(images, known.images)
    with pytest.raises(CaseError, match="no patient with labels"):
        labeled_slices((), series.load, card)


def test_every_patient_is_in_one_fold():
    assert folds("abcde", 2) == [("a", "c", "e"), ("b", "d")]
    assert folds("ab", 4) == [("a",), ("b",)]
