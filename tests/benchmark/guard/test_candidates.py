from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from napari_osuda.benchmark.guard import candidates as guard_candidates
from napari_osuda.benchmark.guard.candidates import COLUMNS, auc, candidate_table, measure, shift_consistency
from napari_osuda.imaging import SliceStack
from napari_osuda.method import preset
from napari_osuda.session.inference.case_slices import slice_spec


class Each(nn.Module):
    """Marks each pixel by itself, or by its place."""

    def __init__(self, place: bool) -> None:
        super().__init__()
        self.place = place

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = torch.ones_like(x)
        if self.place:
            first[..., : x.shape[-1] // 2, :] = -1
        else:
            first = x
        return torch.cat([torch.zeros_like(x), first], dim=1)


def test_a_mask_moves_with_its_image_where_pixels_count_and_not_where_places_do(series):
    model = series.model()
    stack = SliceStack(series.load("1").case, slice_spec(model.card))
    assert shift_consistency(Each(False), stack, model.card) == 1.0
    half = stack.slices(np.flatnonzero(stack.foreground)[:1]).shape[2] // 2
    # Of the rows that the two masks have, three each the other has not.
    assert shift_consistency(Each(True), stack, model.card) == pytest.approx(1 - 3 / half)


def test_the_figures_of_a_trial(series, monkeypatch):
    monkeypatch.setattr(guard_candidates, "load_model", lambda path: series.model())
    monkeypatch.setattr(guard_candidates, "simulated_patient", lambda protocol, seed: series.load(str(seed)))
    monkeypatch.setattr(guard_candidates, "preset", lambda name: preset(name, iterations=2))
    row = measure("t2-no-shift", "osuda", 1)
    assert tuple(row) == COLUMNS
    assert all(row.values())
    assert 0 <= float(row["shift_after"]) <= 1
    assert candidate_table([row]).startswith("| figure | used |")


def test_a_figure_that_tells_gains_from_harm_has_an_area_of_one():
    assert auc([0.1, 0.2, 0.9], [False, False, True]) == 1.0
    assert auc([0.5, 0.5], [False, True]) == 0.5
    assert math.isnan(auc([0.5], [True]))


def test_what_hardly_changes_says_nothing_and_nonsense_is_told_apart():
    def case(before, after, share, shift):
        row = dict.fromkeys(COLUMNS, "0")
        return row | {
            "dice_before": before, "dice_after": after, "share_before": share, "shift_after": shift,
            "distance_after": "",
        }  # fmt: skip

    page = candidate_table(
        [
            case("0.5", "0.7", "0.05", "0.9"),
            case("0.5", "0.3", "0.05", "0.2"),
            case("0.5", "0.505", "0.05", "0.1"),
            case("0.0", "0.5", "0.40", "0.3"),
            dict.fromkeys(COLUMNS, ""),
        ]
    )
    assert "source mask plausible: 2 cases, 1 gains" in page
    assert "source mask nonsense: 1 cases, 1 gains" in page
    assert "| shift | no | 2 | 1.00 | 1.00 | 1 | nan | nan |" in page
    assert "| distance | no | 0 | - | nan | 0 | - | nan |" in page
