from __future__ import annotations

from napari_osuda.benchmark.contrast_check import contrast_table
from napari_osuda.imaging import INTENSITY_MAPS


def test_the_table_has_a_line_an_image_and_the_range_over_the_patients():
    found = [
        (image, how, 0.1 * place + 0.01 * patient, 0.5)
        for patient in range(3)
        for image in ("T2", "T1")
        for place, how in enumerate(INTENSITY_MAPS)
    ]
    lines = contrast_table(found).splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("| T2 | 0.00 to 0.02 | 0.50 to 0.50 | 0.10 to 0.12 |")
    assert lines[3].startswith("| T1 |")
