from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_osuda.benchmark.patients import Patient
from napari_osuda.benchmark.real.shifts import SHIFTS, shifted
from napari_osuda.imaging import Grid, case_from_arrays, check_case


@pytest.fixture(scope="module")
def patient():
    rng = np.random.default_rng(0)
    image = 200 + 100 * ndimage.gaussian_filter(rng.normal(size=(24, 30, 20)), 1.5) / 0.1
    image = np.clip(image, 1, None).astype(np.float32)
    case = case_from_arrays("p", {"T1": image}, Grid(image.shape, np.diag([1.0, 1, 1, 1])))
    return Patient("p", case, (image > 220).astype(np.uint8))


@pytest.mark.parametrize("name", SHIFTS)
def test_a_shift_changes_the_image_alone_and_the_same_way_each_time(patient, name):
    before = patient.case.data.copy()
    first, again = (shifted(patient, SHIFTS[name]) for _ in range(2))
    np.testing.assert_array_equal(patient.case.data, before)
    np.testing.assert_array_equal(first.case.data, again.case.data)
    assert not np.allclose(first.case.data, before, rtol=0.05)
    assert first.reference is patient.reference
    assert first.case.data.min() >= 0
    check_case(first.case)


def _rank_correlation(a, b):
    ranks = [np.argsort(np.argsort(x.ravel())) for x in (a, b)]
    return np.corrcoef(*ranks)[0, 1]


def test_each_shift_is_what_its_name_says(patient):
    image = patient.case.data[0]
    after = {name: shifted(patient, shift).case.data[0] for name, shift in SHIFTS.items()}
    assert _rank_correlation(image, after["gamma"]) > 0.99
    assert _rank_correlation(image, after["inverted"]) < -0.9
    assert 0.2 < _rank_correlation(image, after["bias"]) < 0.98
    rough = {name: np.abs(np.diff(a, axis=0)).mean() / a.std() for name, a in after.items()}
    own = np.abs(np.diff(image, axis=0)).mean() / image.std()
    assert rough["blur"] < own < rough["noise"]
    along = np.abs(np.diff(after["thick"], n=2, axis=2)).mean()
    assert along < 0.5 * np.abs(np.diff(after["thick"], n=2, axis=0)).mean()


def test_thick_slices_keep_a_slope_along_their_axis():
    slope = np.broadcast_to(np.linspace(0, 1, 16, dtype=np.float32), (4, 4, 16))
    thick = SHIFTS["thick"].apply(slope, (1.0, 1.0, 1.0), np.random.default_rng(0))
    np.testing.assert_allclose(thick[..., 2:-2], slope[..., 2:-2], atol=1e-6)
