"""The values of small series, and the files of one."""

from __future__ import annotations

import dicom_series
import numpy as np
import pytest
from dicom_parts import write_series
from dicom_volume import AFFINE, SHAPE


@pytest.fixture
def numbers():
    return np.random.default_rng(0).integers(0, 900, SHAPE).astype(np.int16)


@pytest.fixture
def series(tmp_path, numbers):
    """The files of a series, those of the lowest slice first."""
    return write_series(tmp_path / "patient" / "t2", numbers, AFFINE, shuffle=False)


@pytest.fixture
def scanned():
    return np.random.default_rng(0).integers(-50, 900, dicom_series.SHAPE).astype(np.int16)
