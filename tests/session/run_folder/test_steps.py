from __future__ import annotations

import numpy as np
import pytest

from napari_osuda.errors import CaseError
from napari_osuda.method import AdaptationConfig, adapt
from napari_osuda.networks import UNet
from napari_osuda.session.run_folder.steps import read_curves, step_rows, write_channels, write_steps


@pytest.fixture
def run():
    import torch

    adaptation = adapt(UNet(1, 2, (2, 4)), [torch.randn(2, 1, 16, 16)], AdaptationConfig(iterations=3))
    return adaptation.layers, list(adaptation)


def test_a_row_an_iteration_with_the_mask_values_of_the_classes(run):
    _, reports = run
    rows = step_rows(reports, (0, 4))
    assert [row["t"] for row in rows] == [0, 1, 2]
    for row, report in zip(rows, reports, strict=True):
        assert row["fraction_0"] + row["fraction_4"] == pytest.approx(1.0)
        assert row["mean_distance"] == pytest.approx(report.distance.mean())


def test_what_is_written_is_what_a_page_draws(run, tmp_path):
    layers, reports = run
    write_steps(tmp_path, step_rows(reports, (0, 4)))
    write_channels(tmp_path, reports, layers)
    curves = read_curves(tmp_path)
    assert [step["t"] for step in curves.steps] == [0, 1, 2]
    np.testing.assert_allclose(curves.distance, np.stack([r.distance for r in reports]))


def test_a_folder_without_steps_has_no_curves(tmp_path):
    assert not read_curves(tmp_path).steps


@pytest.mark.parametrize(
    ("name", "content"), [("steps.csv", b"\xff\xfe\x00t"), ("channels.npz", b"PK\x03\x04")]
)
def test_a_damaged_file_is_a_sentence(run, tmp_path, name, content):
    layers, reports = run
    write_steps(tmp_path, step_rows(reports, (0, 4)))
    write_channels(tmp_path, reports, layers)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CaseError, match=f"{name} is damaged"):
        read_curves(tmp_path)
