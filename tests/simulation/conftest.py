from __future__ import annotations

import pytest

from napari_osuda.simulation import SCANNERS, SimulatedPatient, simulate_patient

# Coarse, so that a patient takes well under a second.
COARSE = (3.5, 3.5, 6.0)


@pytest.fixture(scope="session")
def high_grade() -> SimulatedPatient:
    return simulate_patient(41, "high", SCANNERS["A"], spacing=COARSE)


@pytest.fixture(scope="session")
def low_grade() -> SimulatedPatient:
    return simulate_patient(41, "low", SCANNERS["A"], spacing=COARSE)
