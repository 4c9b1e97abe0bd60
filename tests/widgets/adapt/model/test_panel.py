from __future__ import annotations

import shutil
import warnings
from html import unescape

import pytest
import torch
import yaml
from qtpy.QtCore import QMimeData, QPoint, Qt, QUrl
from qtpy.QtGui import QDropEvent
from torch import nn

from napari_osuda.files import sha256_of
from napari_osuda.models import inspect_model
from napari_osuda.widgets.adapt.model.panel import ModelPanel
from napari_osuda.widgets.qt.theme import palette

DARK = palette("dark")


@pytest.fixture
def models(qtbot):
    panel = ModelPanel(DARK)
    qtbot.addWidget(panel)
    yield panel
    panel.close_down()


def test_a_dropped_folder_is_opened(models, model_folder, qtbot):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(model_folder))])
    event = QDropEvent(
        QPoint(1, 1).toPointF(),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    with qtbot.waitSignal(models.chosen, timeout=60_000, check_params_cb=lambda model: model is not None):
        models.dropEvent(event)
    assert models.combo.currentData() == str(model_folder)


def test_what_is_no_model_is_told_in_a_sentence(models, tmp_path, qtbot):
    with qtbot.waitSignal(models._background.failed, timeout=60_000):
        models.open(tmp_path)
    assert "is not a model" in unescape(models.card.text())
    assert models.model is None


def test_what_a_foreign_model_leaves_open_is_asked(models, model_folder, tmp_path, qtbot):
    opened(models, foreign(model_folder, tmp_path / "foreign"), qtbot)
    assert models.model is None
    assert models.questions.fields
    models.questions.fields["plane"].setCurrentText("coronal")
    with qtbot.waitSignal(models.chosen, timeout=60_000, check_params_cb=lambda model: model is not None):
        models.questions.button.click()
    assert models.model.card.plane == "coronal"


def foreign(model_folder, at):
    """The model as another tool would have written it: without what only we ask for."""
    shutil.copytree(model_folder, at)
    document = yaml.safe_load((at / "bioimageio.yaml").read_text())
    del document["config"]["osuda"]
    (at / "bioimageio.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return at


def opened(panel, path, qtbot):
    with qtbot.waitSignal(panel._background.done, timeout=60_000):
        panel.open(path)


def test_answers_are_asked_once_and_can_be_given_again(models, model_folder, tmp_path, qtbot):
    folder = foreign(model_folder, tmp_path / "foreign")
    opened(models, folder, qtbot)
    assert models.again_button.isHidden()
    models.questions.fields["plane"].setCurrentText("coronal")
    with qtbot.waitSignal(models._background.done, timeout=60_000):
        models.questions.button.click()
    opened(models, folder, qtbot)
    assert models.questions.isHidden()
    assert models.model.card.plane == "coronal"
    assert "Answered before for this file" in unescape(models.card.text())
    with qtbot.waitSignal(models._background.done, timeout=60_000):
        models.again_button.click()
    assert models.model is None
    assert models.questions.fields["plane"].currentText() == "coronal"
    models.questions.fields["plane"].setCurrentText("axial")
    with qtbot.waitSignal(models._background.done, timeout=60_000):
        models.questions.button.click()
    assert models.model.card.plane == "axial"


def test_a_wrong_answer_is_told_and_the_question_stays(models, model_folder, tmp_path, qtbot):
    opened(models, foreign(model_folder, tmp_path / "foreign"), qtbot)
    models.questions.fields["plane"].setCurrentText("sagittal")
    models.questions.fields["normalisation"].setCurrentText("zscore")
    wrong = {**models.questions.answers(), "labels": "0=background,7=x,8=y,9=z"}
    with qtbot.waitSignal(models._background.failed, timeout=60_000):
        models.questions.answered.emit(wrong)
    assert "labels has" in unescape(models.card.text())
    assert not models.questions.isHidden()
    assert models.questions.fields["plane"].currentText() == "sagittal"
    assert models.questions.fields["normalisation"].currentText() == "zscore"


@pytest.fixture
def program(tmp_path):
    """A network as a TorchScript file."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1)).eval()
    path = tmp_path / "a folder with a long name" / "network.pt"
    path.parent.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(network), path)
    return path


def test_a_program_is_not_run_before_it_is_trusted(models, program, qtbot):
    opened(models, program, qtbot)
    assert not models.trust.isHidden()
    shown = unescape(models.trust.label.text()).replace("\u200b", "")
    assert str(program) in shown
    assert sha256_of(program) in shown
    assert models.trust.no_button.isDefault()
    assert not models.trust.yes_button.isDefault()
    assert models.model is None
    models.trust.no_button.click()
    assert models.trust.isHidden()
    assert "not opened" in models.card.text()
    # Nothing was kept: it is asked again.
    opened(models, program, qtbot)
    assert not models.trust.isHidden()


def test_a_trusted_program_is_asked_about_once_and_a_changed_one_anew(models, program, qtbot):
    opened(models, program, qtbot)
    with qtbot.waitSignal(models._background.done, timeout=60_000):
        models.trust.yes_button.click()
    assert models.trust.isHidden()
    assert "channels" in models.questions.fields
    other = ModelPanel(DARK)
    qtbot.addWidget(other)
    opened(other, program, qtbot)
    assert other.trust.isHidden()
    with program.open("ab") as file:
        file.write(b"\0")
    opened(other, program, qtbot)
    assert not other.trust.isHidden()
    other.close_down()


def test_what_is_inside_is_told_by_name(models, model_folder, qtbot):
    opened(models, model_folder, qtbot)
    assert not models.details.isHidden()
    text = unescape(models.details.text.text()).replace("&#8203;", "").replace("\u200b", "")
    inspection = inspect_model(model_folder)
    for title in (
        "parameters",
        "input channels",
        "output channels",
        "smallest size",
        "BN found",
        "adaptable",
    ):
        assert title in text
    assert all(name in text for names in inspection.norms.values() for name in names)


def test_sample_models_that_fit_the_images_come_first_and_others_say_what_they_need(
    models, model_folder, qtbot
):
    texts = lambda: [models.combo.itemText(row) for row in range(models.combo.count())]  # noqa: E731
    assert not any("needs" in text for text in texts())
    models.set_images(["patient_t2"])
    first, last = texts()[1], texts()[2]
    assert "needs" not in first
    assert "needs t1, t1ce, flair" in last
    # What is chosen stays chosen, and what was opened stays on the list.
    opened(models, model_folder, qtbot)
    models.set_images(["p_t1", "p_t1ce", "p_t2", "p_flair"])
    assert models.combo.currentData() == str(model_folder)
    assert not any("needs" in text for text in texts())
    assert len(texts()) == len(set(texts())) == 4
