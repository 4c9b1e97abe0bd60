from __future__ import annotations

import threading

import pytest

import napari_osuda.session
from napari_osuda.imaging.world import METADATA_KEY
from napari_osuda.widgets.adapt import jobs as _jobs
from napari_osuda.widgets.qt.background import Background

pytestmark = pytest.mark.viewer


def wait(qtbot, condition):
    qtbot.waitUntil(condition, timeout=20_000)


def give(widget, name, channel="t1"):
    """Choose a layer for a channel, as a person does."""
    combo = widget.channel_panel.combos[channel]
    combo.setCurrentIndex(combo.findText(name))
    combo.activated.emit(combo.currentIndex())


def contrast_of(widget):
    return widget.settings_panel.config().contrast


def choose_changed(widget, qtbot):
    """Compare, and take the changed picture; gives its contrast."""
    choice = widget.contrast_choice
    choice.button.click()
    wait(qtbot, lambda: bool(choice.previews))
    choice.buttons[1].click()
    assert contrast_of(widget) == choice.previews[1].contrast
    return choice.previews[1].contrast


def working():
    return [thread.name for thread in threading.enumerate() if thread.name == "osuda-load"]


class Gate:
    """Holds a function up, as a long computation would, until it is let go."""

    def __init__(self, function):
        self._function = function
        self.entered, self.open, self.left = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, *args):
        self.entered.set()
        assert self.open.wait(60)
        try:
            return self._function(*args)
        finally:
            self.left.set()


@pytest.fixture
def gates(monkeypatch):
    """The two things that a comparison computes, one after the other, each held up."""
    gates = {}
    for module, name in ((_jobs, "job_of_layers"), (napari_osuda.session, "contrast_previews")):
        gates[name] = Gate(getattr(module, name))
        monkeypatch.setattr(module, name, gates[name])
    yield gates
    for gate in gates.values():
        gate.open.set()


@pytest.fixture
def with_flair(adapt_widget, viewer):
    """Beside the channels' own contrasts a layer of another one, which no channel has yet."""
    layer = viewer.layers["patient7_t1"]
    data, arguments, _ = layer.as_layer_data_tuple()
    viewer.add_image(data, **{**arguments, "name": "patient7_flair"})
    return adapt_widget


def test_nothing_is_asked_where_the_names_say_the_models_own_contrasts(adapt_widget):
    assert adapt_widget.contrast_choice.isHidden()


def test_both_ways_are_shown_and_the_chosen_one_is_set(adapt_widget, viewer, qtbot):
    choice = adapt_widget.contrast_choice
    viewer.layers["patient7_t1"].name = "patient7_flair"
    give(adapt_widget, "patient7_flair")
    assert not choice.isHidden()
    choice.button.click()
    wait(qtbot, lambda: bool(choice.previews))
    assert not choice.pictures.isHidden()
    as_it_is, changed = choice.buttons
    assert "As it is" in as_it_is.text()
    as_it_is.click()
    assert contrast_of(adapt_widget) == "off"
    assert as_it_is.text().startswith("✔")
    changed.click()
    assert contrast_of(adapt_widget) == choice.previews[1].contrast != "off"
    assert not as_it_is.isChecked()
    # Another layer: the pictures are of the past.
    give(adapt_widget, "patient7_t2")
    assert choice.pictures.isHidden()
    assert not choice.previews


def test_a_layer_without_a_file_is_the_contrast_that_it_is_called(adapt_widget, viewer, qtbot):
    data, arguments, _ = viewer.layers["patient7_t2"].as_layer_data_tuple()
    metadata = {METADATA_KEY: {**arguments["metadata"][METADATA_KEY], "path": None}}
    viewer.add_image(data, **{**arguments, "name": "FLAIR", "metadata": metadata})
    give(adapt_widget, "FLAIR", "t2")
    # Not turned, as an image of unknown contrast would be: the other channel stays as it is.
    assert choose_changed(adapt_widget, qtbot) == "fitted"
    assert adapt_widget.contrast_choice.previews[1].maps == ("identity", "fluid_bright")
    # Called another contrast, it is another choice.
    viewer.layers["FLAIR"].name = "T1ce"
    assert adapt_widget.contrast_choice.pictures.isHidden()
    choose_changed(adapt_widget, qtbot)
    assert adapt_widget.contrast_choice.previews[1].maps == ("identity", "inverted")


def test_a_failure_is_a_sentence(adapt_widget, viewer, qtbot):
    choice = adapt_widget.contrast_choice
    for name in ("patient7_t1", "patient7_t2"):
        viewer.layers[name].data = viewer.layers[name].data * 0
    choice.compare()
    wait(qtbot, lambda: not choice.note.isHidden() and choice.button.isEnabled())
    assert "no brain" in choice.note.text()


@pytest.mark.parametrize(("method", "own"), [("osuda", "fitted"), ("osuda-paper", "off")])
def test_what_was_chosen_for_one_image_does_not_apply_to_the_next(with_flair, viewer, qtbot, method, own):
    choice = with_flair.contrast_choice
    viewer.layers["patient7_flair"].name = "scan"
    with_flair.settings_panel.method.setCurrentText(method)
    give(with_flair, "scan")
    assert choose_changed(with_flair, qtbot) == "inverted"
    give(with_flair, "patient7_t1")
    assert choice.isHidden()
    assert contrast_of(with_flair) == own
    # Back again, it is asked anew.
    give(with_flair, "scan")
    assert not choice.isHidden()
    assert choice.pictures.isHidden()
    assert contrast_of(with_flair) == own


def test_as_it_is_was_chosen_for_one_image_only_as_well(with_flair, qtbot):
    give(with_flair, "patient7_flair")
    choose_changed(with_flair, qtbot)
    with_flair.contrast_choice.buttons[0].click()
    assert contrast_of(with_flair) == "off"
    give(with_flair, "patient7_t2")
    assert contrast_of(with_flair) == "fitted"


def test_a_choice_that_a_new_name_hides_is_taken_back(with_flair, viewer, qtbot):
    choice = with_flair.contrast_choice
    viewer.layers["patient7_flair"].name = "scan"
    give(with_flair, "scan")
    assert choose_changed(with_flair, qtbot) == "inverted"
    viewer.layers["scan"].name = "other_t1"
    assert choice.isHidden()
    assert contrast_of(with_flair) == "fitted"


def test_a_contrast_set_by_hand_stays(with_flair, qtbot):
    choice, settings = with_flair.contrast_choice, with_flair.settings_panel
    settings.fields["contrast"].value = "fluid_bright"
    give(with_flair, "patient7_flair")
    assert contrast_of(with_flair) == "fluid_bright"
    chosen = choose_changed(with_flair, qtbot)
    # By hand away from what was chosen, and to the same again: it is the person's own from then on.
    settings.fields["contrast"].value = "inverted"
    assert not any(button.isChecked() or "✔" in button.text() for button in choice.buttons)
    settings.fields["contrast"].value = chosen
    give(with_flair, "patient7_t1")
    assert contrast_of(with_flair) == chosen
    settings.fields["contrast"].value = "inverted"
    give(with_flair, "patient7_flair")
    assert contrast_of(with_flair) == "inverted"


def test_the_tick_is_at_what_the_settings_say(with_flair, viewer, qtbot):
    choice, settings = with_flair.contrast_choice, with_flair.settings_panel
    viewer.layers["patient7_flair"].name = "scan"
    give(with_flair, "scan")
    choose_changed(with_flair, qtbot)
    old = choice.previews
    choice.button.click()
    wait(qtbot, lambda: choice.previews is not old)
    assert choice.buttons[1].isChecked()
    # Another strength writes all settings anew.
    settings.strength.setCurrentText("strong")
    assert contrast_of(with_flair) == "fitted"
    assert not any(button.isChecked() or "✔" in button.text() for button in choice.buttons)


@pytest.mark.parametrize("back", [False, True], ids=["another", "and back again"])
@pytest.mark.parametrize("held_up", ["job_of_layers", "contrast_previews"])
def test_an_answer_that_comes_after_another_layer_was_chosen_is_dropped(
    with_flair, qtbot, gates, held_up, back
):
    choice = with_flair.contrast_choice
    give(with_flair, "patient7_flair")
    gates["job_of_layers"].open.set()
    if held_up == "job_of_layers":
        gates["job_of_layers"].open.clear()
    choice.button.click()
    wait(qtbot, gates[held_up].entered.is_set)
    assert not choice.button.isEnabled()
    give(with_flair, "patient7_t2")
    if back:
        give(with_flair, "patient7_flair")
    assert choice.note.isHidden()
    for gate in gates.values():
        gate.open.set()
    wait(qtbot, choice.button.isEnabled)
    assert not choice.previews
    assert choice.pictures.isHidden()
    assert choice.note.isHidden()
    # The button does its work for the new one.
    choice.button.click()
    assert not choice.note.isHidden()
    wait(qtbot, lambda: bool(choice.previews))
    assert choice.note.isHidden()
    assert choice.button.isEnabled()


def test_a_failure_for_a_layer_of_before_is_not_told(with_flair, viewer, qtbot, gates):
    choice = with_flair.contrast_choice
    viewer.layers["patient7_flair"].data = viewer.layers["patient7_flair"].data * 0
    viewer.layers["patient7_t2"].data = viewer.layers["patient7_t2"].data * 0
    give(with_flair, "patient7_flair")
    gates["job_of_layers"].open.set()
    choice.button.click()
    wait(qtbot, gates["contrast_previews"].entered.is_set)
    give(with_flair, "patient7_t2")
    gates["contrast_previews"].open.set()
    wait(qtbot, choice.button.isEnabled)
    assert choice.note.isHidden()


def test_the_button_waits_for_both_a_comparison_and_a_run(with_flair, qtbot, gates):
    choice = with_flair.contrast_choice
    give(with_flair, "patient7_flair")
    gates["job_of_layers"].open.set()
    choice.button.click()
    wait(qtbot, gates["contrast_previews"].entered.is_set)
    choice.set_locked(True)
    choice.set_locked(False)
    assert not choice.button.isEnabled()
    choice.set_locked(True)
    gates["contrast_previews"].open.set()
    wait(qtbot, lambda: bool(choice.previews))
    assert not any(button.isEnabled() for button in (choice.button, *choice.buttons))
    choice.set_locked(False)
    assert all(button.isEnabled() for button in (choice.button, *choice.buttons))


@pytest.mark.parametrize("held_up", ["job_of_layers", "contrast_previews"])
@pytest.mark.parametrize("what", ["dock", "viewer"])
def test_closing_during_a_comparison_waits_for_it_and_shows_nothing(
    with_flair, viewer, qtbot, gates, monkeypatch, what, held_up
):
    choice = with_flair.contrast_choice
    give(with_flair, "patient7_flair")
    if held_up == "contrast_previews":
        gates["job_of_layers"].open.set()
    choice.button.click()
    wait(qtbot, gates[held_up].entered.is_set)
    own, close = (choice._jobs, choice._work), Background.close

    def let_go_and_wait(background):
        if background in own:
            gates[held_up].open.set()
        close(background)

    monkeypatch.setattr(Background, "close", let_go_and_wait)
    gone = []
    with_flair.destroyed.connect(lambda: gone.append(True))
    if what == "dock":
        viewer.window.remove_dock_widget(with_flair)
    else:
        viewer.close()
    wait(qtbot, lambda: bool(gone))
    # Nobody else lets go of it: what is gone has waited.
    assert not working()
    assert gates[held_up].left.is_set()
    assert not choice.previews
    # Nor is the next thing begun.
    assert gates["contrast_previews"].entered.is_set() == (held_up == "contrast_previews")
