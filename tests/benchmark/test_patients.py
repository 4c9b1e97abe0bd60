from __future__ import annotations

from napari_osuda.benchmark.patients import TEST, TUNING, VALIDATION


def test_no_patient_serves_two_purposes():
    assert len({*VALIDATION, *TUNING, *TEST}) == len(VALIDATION) + len(TUNING) + len(TEST)
