"""The parts of the Adapt widget that need no viewer's window."""

from __future__ import annotations

import shutil
import warnings
from html import unescape
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from napari.components import ViewerModel
from qtpy.QtCore import QEvent, QMimeData, QObject, QPoint, Qt, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QApplication
from torch import nn

from napari_osuda.errors import ConfigError
from napari_osuda.files import sha256_of
from napari_osuda.method import PRESETS, AdaptationConfig, preset
from napari_osuda.models import inspect_model, load_model
from napari_osuda.widgets.adapt.channel_panel import ChannelPanel
from napari_osuda.widgets.adapt.folder_panel import FolderPanel
from napari_osuda.widgets.adapt.model.card import card_text
from napari_osuda.widgets.adapt.model.panel import ModelPanel, _model_path
from napari_osuda.widgets.adapt.run_panel import RunPanel
from napari_osuda.widgets.adapt.settings_panel import SettingsPanel
from napari_osuda.widgets.qt.theme import STATE_WORDS, palette
from napari_osuda.widgets.qt.words import time_left

DARK = palette("dark")


@pytest.fixture
def layers():
    viewer = ViewerModel()
    for name in ("head_t2", "head_FLAIR", "head_T1"):
        viewer.add_image(np.zeros((3, 4, 5)), name=name)
    viewer.add_labels(np.zeros((3, 4, 5), int), name="head_seg")
    return viewer


@pytest.fixture
def channels(layers, qtbot):
    panel = ChannelPanel(layers)
    qtbot.addWidget(panel)
    yield panel
    panel.close_down()


def chosen(panel: ChannelPanel) -> dict[str, str]:
    return {channel: layer.name for channel, layer in panel.layers().items()}


def test_channels_are_guessed_from_layer_names(channels):
    channels.set_channels(["t1", "flair", "t1ce"])
    assert chosen(channels) == {"t1": "head_T1", "flair": "head_FLAIR"}
    assert channels.missing == ("t1ce",)


def test_channels_follow_layers_that_come_go_and_are_renamed(channels, layers):
    channels.set_channels(["t1ce", "t2"])
    layers.add_image(np.zeros((3, 4, 5)), name="new_T1CE")
    assert chosen(channels) == {"t1ce": "new_T1CE", "t2": "head_t2"}
    layers.layers["head_t2"].name = "nothing told"
    assert channels.missing == ("t2",)
    layers.layers["head_T1"].name = "now_t2"
    assert chosen(channels)["t2"] == "now_t2"
    layers.layers.remove("now_t2")
    assert channels.missing == ("t2",)


def test_a_correction_stays_until_its_layer_goes(channels, layers):
    channels.set_channels(["t2"])
    combo = channels.combos["t2"]
    combo.setCurrentIndex(combo.findText("head_T1"))
    combo.activated.emit(combo.currentIndex())
    layers.add_image(np.zeros((3, 4, 5)), name="another")
    assert chosen(channels) == {"t2": "head_T1"}
    assert channels.others() == {"t2": "head_T1"}
    layers.layers.remove("head_T1")
    assert chosen(channels) == {"t2": "head_t2"}


def test_a_single_channel_takes_the_nearest_other_contrast(channels, layers):
    layers.layers.remove("head_t2")
    channels.set_channels(["t2"])
    assert chosen(channels) == {"t2": "head_FLAIR"}
    assert channels.others() == {"t2": "head_FLAIR"}


def test_only_volumes_are_offered(channels, layers):
    layers.add_image(np.zeros((4, 5)), name="flat_t1ce")
    layers.add_image(np.zeros((3, 4, 5, 3), np.uint8), rgb=True, name="photo_t1ce")
    channels.set_channels(["t1ce", "t2"])
    assert channels.missing == ("t1ce",)


def test_settings_start_as_the_method_says(qtbot):
    panel = SettingsPanel()
    qtbot.addWidget(panel)
    for name in PRESETS:
        panel.method.setCurrentText(name)
        expected = preset(name).to_dict()
        assert panel.ratio.isHidden() != PRESETS[name].assumes_ratio
        if PRESETS[name].assumes_ratio:
            with pytest.raises(ConfigError, match="assumes that you know"):
                panel.config()
            qtbot.keyClicks(panel.ratio, "0.9, 0.03")
            # Typed in the middle, it stays in the middle.
            panel.ratio.setCursorPosition(3)
            qtbot.keyClicks(panel.ratio, "7")
            assert panel.ratio.cursorPosition() == 4
            expected["class_ratio"] = (0.97, 0.03)
            # Another strength is no reason to ask again.
            panel.strength.setCurrentText("strong")
            panel.strength.setCurrentText("standard")
        found = panel.config().to_dict()
        assert found.pop("threads") >= 1
        expected.pop("threads")
        assert found == expected
        assert panel.summary.text() == PRESETS[name].summary


def test_strength_is_iterations_and_every_setting_has_a_field(qtbot):
    panel = SettingsPanel()
    qtbot.addWidget(panel)
    panel.strength.setCurrentText("strong")
    assert panel.config().iterations == 2 * AdaptationConfig().iterations
    assert set(panel.fields) == set(AdaptationConfig().to_dict())
    assert "eta_t" in panel.fields["tau"].toolTip()
    panel.set_values(class_ratio=(0.9, 0.1))
    assert panel.config().class_ratio == (0.9, 0.1)
    panel.set_values(batch_size="many")
    with pytest.raises(ConfigError, match="batch_size"):
        panel.config()


@pytest.mark.parametrize("state", STATE_WORDS)
def test_each_state_is_told_in_words_and_steered_by_its_buttons(qtbot, state):
    panel = RunPanel(DARK)
    qtbot.addWidget(panel)
    panel.set_ready(True)
    panel.set_state(state)
    assert STATE_WORDS[state][0] in panel.label.accessibleName()
    busy = state in ("loading", "running", "paused", "stopping")
    assert panel.adapt_button.isEnabled() != busy
    assert panel.stop_button.isEnabled() == (busy and state != "stopping")
    assert panel.pause_button.isEnabled() == (state in ("running", "paused"))


def test_progress_is_told_with_the_time_left(qtbot):
    panel = RunPanel(DARK)
    qtbot.addWidget(panel)
    panel.set_state("running")
    panel.set_progress(SimpleNamespace(stage="adapt", done=12, total=40, seconds_left=125.0))
    assert "adapting, iteration 12 of 40, about 2 min left" in panel.label.text()
    assert (panel.bar.value(), panel.bar.maximum()) == (12, 40)


def test_progress_is_painted_in_its_turn_and_not_at_once(qtbot):
    """A bar that paints itself when it is set paints the whole window with it."""
    panel = RunPanel(DARK)
    qtbot.addWidget(panel)
    panel.set_state("running")
    panel.show()
    qtbot.waitExposed(panel)
    painted = []

    class Watch(QObject):
        def eventFilter(self, watched, event):
            if event.type() == QEvent.Type.Paint:
                painted.append(watched)
            return False

    watch = Watch()
    panel.bar.installEventFilter(watch)
    QApplication.processEvents()
    painted.clear()
    panel.set_progress(SimpleNamespace(stage="adapt", done=30, total=40, seconds_left=12.0))
    assert painted == []
    qtbot.waitUntil(lambda: panel.bar in painted)
    panel.bar.removeEventFilter(watch)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0.2, "almost done"),
        (42, "about 42 s left"),
        (600, "about 10 min left"),
        (9000, "about 2.5 h left"),
    ],
)
def test_time_left(seconds, words):
    assert time_left(seconds) == words


def test_the_card_tells_what_the_model_is(model_folder):
    model = load_model(model_folder)
    text = card_text(model, inspect_model(model), DARK)
    assert "Channels: t1, t2" in text
    assert "#e69f00" in text
    assert "<from>" not in text, "a name must not be read as markup"
    assert "Can be adapted" in text


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
    text = models.details.text.toPlainText().replace("\u200b", "")
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


@pytest.mark.parametrize(
    ("file", "opened"),
    [
        ("plans.json", "."),
        ("fold_0/checkpoint_final.pth", "."),
        ("configs/metadata.json", "."),
        ("bioimageio.yaml", "."),
        ("other/weights.pt", "other/weights.pt"),
    ],
)
def test_a_file_that_is_of_no_use_alone_stands_for_its_folder(tmp_path, file, opened):
    (tmp_path / "plans.json").write_text("{}") if "fold" in file or "plans" in file else None
    assert _model_path(tmp_path / file) == tmp_path / opened


def test_a_run_folder_is_proposed_that_is_not_there_yet(qtbot, tmp_path):
    panel = FolderPanel()
    qtbot.addWidget(panel)
    panel.set_parent_folder(tmp_path)
    panel.set_case("Müller, A./T2")
    first = panel.path()
    assert first.parent == tmp_path
    assert first.name.startswith("Müller--A.-T2-")
    first.mkdir()
    assert panel.path() != first
    panel.line.setText(str(tmp_path / "mine"))
    panel.line.textEdited.emit(panel.line.text())
    panel.set_case("other")
    assert panel.path() == tmp_path / "mine"
