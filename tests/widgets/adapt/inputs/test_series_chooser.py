from __future__ import annotations

import numpy as np
import pytest
from dicom_parts import write_series
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialogButtonBox

from napari_osuda.imaging.dicom import find_series
from napari_osuda.widgets.adapt.inputs.opening import SeriesChoice, read_paths
from napari_osuda.widgets.adapt.inputs.series_chooser import SeriesChooser

AFFINE = np.array([[-1.0, 0, 0, 8], [0, -1.5, 0, 9], [0, 0, 4, -12], [0, 0, 0, 1]])


@pytest.fixture
def study(tmp_path):
    voxels = np.random.default_rng(0).integers(0, 90, (6, 5, 4)).astype(np.int16)
    for number, name in enumerate(("localizer", "t2_tse_tra", "t1_mprage"), start=1):
        write_series(tmp_path / f"s{number}", voxels, AFFINE, description=name, number=number)
    return tmp_path


def test_several_series_are_listed_and_the_contrasts_among_them_ticked(study, qtbot):
    series = find_series(study)
    chosen = []
    dialog = SeriesChooser(None, series, chosen.extend)
    qtbot.addWidget(dialog)
    rows = [dialog.list.item(i).text() for i in range(3)]
    assert rows == ["1: localizer (4 files)", "2: t2_tse_tra (4 files)", "3: t1_mprage (4 files)"]
    assert [one.description for one in dialog.ticked] == ["t2_tse_tra", "t1_mprage"]
    open_button = dialog.buttons.button(QDialogButtonBox.StandardButton.Open)
    for row in (1, 2):
        dialog.list.item(row).setCheckState(Qt.CheckState.Unchecked)
    assert not open_button.isEnabled()
    dialog.list.item(2).setCheckState(Qt.CheckState.Checked)
    open_button.click()
    assert [one.description for one in chosen] == ["t1_mprage"]


def test_a_study_is_a_choice_and_one_series_is_none(study):
    assert isinstance(read_paths([str(study)]), SeriesChoice)
    (layer,) = read_paths([str(study / "s2")])
    assert layer[1]["name"] == "t2_tse_tra"
    assert ViewerModel().add_image(layer[0]).data.shape == (4, 5, 6)


def test_long_names_are_shown_to_their_end(tmp_path, qtbot):
    voxels = np.ones((6, 5, 4), np.int16)
    name = "t2_tse_tra_448_3mm_p2_fs_a_long_name_of_a_protocol"
    write_series(tmp_path / "s", voxels, AFFINE, description=name, number=1)
    dialog = SeriesChooser(None, find_series(tmp_path), lambda ticked: None)
    qtbot.addWidget(dialog)
    assert dialog.list.minimumWidth() >= dialog.list.sizeHintForColumn(0)
