from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.widgets.monitor.course import Course, foreground_of, read_course
from napari_osuda.widgets.monitor.words import course_words

CLASSES = ((0, "background", "#000000"), (1, "tumor", "#e69f00"))


class History(SimpleNamespace):
    """As much of a run's history as is looked at."""

    def __len__(self):
        return len(self.columns["l_se"])

    def __getitem__(self, name):
        return self.columns[name]


def history(foreground, entropy=None, distance=None, classes=CLASSES):
    share = np.asarray(foreground, np.float32)
    entropy = np.linspace(0.3, 0.2, len(share)) if entropy is None else entropy
    distance = np.linspace(1.0, 0.8, len(share)) if distance is None else distance
    columns = {
        "l_se": np.asarray(entropy, np.float32),
        "class_fractions": np.stack([1 - share, share], axis=1),
        "layer_distance": np.stack([distance, distance], axis=1).astype(np.float32),
    }
    return History(columns=columns, classes=classes, layers=(1, 2))


@pytest.mark.parametrize(
    ("foreground", "course"),
    [
        ([0.03], Course.BEGINNING),
        ([0.03, 0.03], Course.BEGINNING),
        (np.linspace(0.03, 0.035, 12), Course.STEADY),
        (np.linspace(0.03, 0.02, 12), Course.STEADY),
        (np.linspace(0.03, 0.001, 12), Course.COLLAPSING),
        ([0.03, 0.03, 0.0, 0.0], Course.COLLAPSING),
        (np.linspace(0.05, 0.95, 12), Course.COLLAPSING),
        (np.zeros(12), Course.STEADY),
    ],
)
def test_how_a_run_goes_is_read_from_its_foreground(foreground, course):
    assert read_course(history(foreground)).course is course


def test_a_distance_next_to_nothing_may_change_by_any_share():
    still = {"entropy": np.full(12, 0.2), "distance": np.linspace(2e-7, 1e-6, 12)}
    assert read_course(history(np.full(12, 0.03), **still)).course is Course.NO_EFFECT


def test_where_nothing_moves_there_is_no_effect_but_not_from_the_start():
    still = {"entropy": np.full(12, 0.2), "distance": np.full(12, 1.0)}
    assert read_course(history(np.full(12, 0.03), **still)).course is Course.NO_EFFECT
    few = {name: values[:4] for name, values in still.items()}
    assert read_course(history(np.full(4, 0.03), **few)).course is Course.STEADY
    falling = {**still, "distance": np.linspace(1.0, 0.5, 12)}
    assert read_course(history(np.full(12, 0.03), **falling)).course is Course.STEADY


def test_before_the_first_iteration_there_is_nothing_to_read():
    assert read_course(history([])) is None


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=40))
def test_every_run_has_a_course_and_words_for_it(foreground):
    reading = read_course(history(foreground))
    assert isinstance(reading.course, Course)
    assert "% of the pixels" in course_words(reading)
    assert len(course_words(reading).split()) <= 25


def test_regions_that_overlap_have_no_background():
    fractions = np.array([[0.1, 0.05, 0.02]], np.float32)
    regions = ((1, "WT", "#fff"), (2, "TC", "#fff"), (4, "ET", "#fff"))
    assert foreground_of(fractions, regions) == pytest.approx([0.1])
    assert foreground_of(fractions, ((0, "air", "#000"), *regions[1:])) == pytest.approx([0.9])
