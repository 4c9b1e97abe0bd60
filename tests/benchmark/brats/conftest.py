"""Folders in the layouts of BraTS."""

from __future__ import annotations

import pytest
from brats_parts import write_case


@pytest.fixture
def brats_2018(tmp_path):
    root = tmp_path / "MICCAI_BraTS_2018_Data_Training"
    for grade, count in (("HGG", 2), ("LGG", 1)):
        for k in range(count):
            write_case(root / grade / f"Brats18_{grade}_{k}", seed=k)
    return root
