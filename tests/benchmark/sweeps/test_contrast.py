from __future__ import annotations

from napari_osuda.benchmark.sweeps.contrast import MapTrial, choices_table, contrast_table
from napari_osuda.imaging import INTENSITY_MAPS

FOUND = [
    MapTrial(
        image, how, patient, d=(0.1, 0.2, 0.3), mean_d=0.1 * place + 0.01 * patient,
        mirror=1 - 0.1 * place, coherence=0.1 * place, dice=0.2 * place + 0.01 * patient,
    )
    for patient in range(3)
    for image in ("T2", "T1")
    for place, how in enumerate(INTENSITY_MAPS)
]  # fmt: skip


def test_the_table_has_a_line_an_image_and_the_range_over_the_patients():
    lines = contrast_table(FOUND).splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("| T2 | 0.00 to 0.02 | 0.00 to 0.02 | 0.10 to 0.12 | 0.20 to 0.22 |")
    assert lines[3].startswith("| T1 |")


def test_each_criterion_is_worth_the_dice_of_what_it_chooses():
    table = choices_table(FOUND)
    assert "| least mean d | 0.01 | 0.01 |" in table
    assert "| mirror | 0.01 | 0.01 |" in table
    assert "| coherence | 0.61 | 0.61 |" in table
    assert "| the reference (best possible) | 0.61 | 0.61 |" in table
    # T2 is taken as it is, T1 is turned, which is the second map.
    assert "| names (the default) | 0.01 | 0.21 |" in table
