from __future__ import annotations

import numpy as np
import pytest
from monitor_parts import CLASSES

from napari_osuda.widgets.cockpit.history import RunHistory
from napari_osuda.widgets.monitor.course import Course, CourseFigures
from napari_osuda.widgets.monitor.words import (
    channel_words,
    course_headline,
    course_words,
    map_words,
    verdict_words,
)


@pytest.fixture
def history(reported):
    layers, reports = reported
    found = RunHistory(layers, CLASSES, len(reports))
    for report in reports:
        found.add(report)
    return found


def test_every_course_has_its_words():
    for over in (False, True):
        assert len({course_headline(course, over=over) for course in Course}) == len(Course)


def test_a_run_that_has_ended_has_not_just_begun():
    assert course_headline(Course.BEGINNING, over=False)[2] == "Just begun"
    assert course_headline(Course.BEGINNING, over=True)[2] == "Too short to say how it went"


def test_only_a_recommendation_against_the_adapted_mask_comes_before_the_course():
    assert verdict_words(None) is verdict_words("accept") is None
    assert verdict_words("neither") == ("✖", "red", "Trust neither mask: mark by hand")
    assert verdict_words("keep-source") == ("▲", "orange", "Use the original mask")
    assert verdict_words("accept", 2) == (
        "✔",
        "green",
        "Use the reduced mask (the original, 2 pieces removed)",
    )


def test_a_course_is_told_with_units():
    figures = CourseFigures(Course.STEADY, entropy=(0.5, 0.25), foreground=(0.031, 0.02), distance=(2.0, 1.5))
    assert course_words(figures) == (
        "foreground 3.1 → 2 % of the pixels, entropy 0.5 → 0.25 nats, distance 2 → 1.5"
    )


def test_a_channel_is_named_by_its_layer_and_its_number_in_it(history):
    layer = history.layers[-1]
    text = channel_words(history, 2, layer.offset + layer.channels - 1)
    assert text.startswith("t = 2: ")
    assert f"channel {layer.channels - 1} of 0–{layer.channels - 1}" in text
    assert f"d {history['distance'][2, -1]:.3g}" in text


def test_dead_channels_are_counted(history):
    assert "dead" not in map_words(history, "distance", 0)
    history["dead"][0, :2] = True
    assert "2 dead channels" in map_words(history, "distance", 0)
    assert "dead: it hardly varies" in channel_words(history, 0, 1)
    values = history["distance"][0]
    assert f"{values.min():.3g} to {values.max():.3g}" in map_words(history, "distance", 0)
    assert np.isfinite(values).all()
