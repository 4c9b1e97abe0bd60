"""Images whose headers give voxels of sizes that do not go together."""

from __future__ import annotations

import numpy as np
import pytest

from napari_osuda.errors import CaseError
from napari_osuda.imaging import Grid
from napari_osuda.imaging.preparation.common_grid import moved_to


def test_voxels_that_are_thousands_of_times_as_long_are_refused_before_they_are_smoothed() -> None:
    fine, coarse = (Grid((40, 40, 40), np.diag([mm, mm, mm, 1.0])) for mm in (0.02, 400.0))
    with pytest.raises(CaseError, match="20,000 times as long"):
        moved_to(np.ones((40, 40, 40), np.float32), fine, "a.nii", coarse, "b.nii")
