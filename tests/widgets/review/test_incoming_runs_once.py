"""One record for each run that ends in a viewer: two of one folder would each find the other's writing."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QObject, Signal

from napari_osuda.errors import CaseError
from napari_osuda.widgets.review import incoming_runs as module


class Cockpit(QObject):
    ended, left, review_wanted = Signal(object), Signal(), Signal()
    result = None


@pytest.fixture
def made(monkeypatch):
    """What is asked for of each result, and the record that was there before."""
    asked = []

    def of_result(result, last):
        asked.append((result, last))
        if result.broken:
            raise CaseError("There is nothing to review.")
        return SimpleNamespace(result=result)

    monkeypatch.setattr(module.ReviewRun, "of_result", of_result)
    return asked


@pytest.fixture
def arrivals(qtbot):
    watched = module.IncomingRuns(ViewerModel(), Cockpit(), SimpleNamespace(layers={}))
    watched.watch()
    yield watched
    watched.close()


def result_of(*masks, broken=False):
    return SimpleNamespace(cases=[SimpleNamespace(after=mask) for mask in masks], broken=broken)


def test_a_result_is_told_again_by_the_same_record(arrivals, made, qtbot):
    came = []
    arrivals.came.connect(came.append)
    arrivals._cockpit.result = first = result_of("mask")
    arrivals._cockpit.ended.emit(first)
    qtbot.waitUntil(lambda: len(came) == 1, timeout=60_000)
    # "Review..." asks for it once more.
    arrivals._cockpit.review_wanted.emit()
    assert came[1] is came[0]
    assert made == [(first, None)]
    assert arrivals.ended_here(came[0])

    arrivals._cockpit.result = second = result_of("mask")
    arrivals.take_result()
    assert made[1:] == [(second, came[0])]
    assert not arrivals.ended_here(came[0])
    assert arrivals.ended_here(came[2])
    gone = []
    arrivals.gone.connect(gone.append)
    arrivals._cockpit.left.emit()
    assert gone == [came[2]]


def test_what_cannot_be_reviewed_is_not_told_of(arrivals, made):
    came, refused = [], []
    arrivals.came.connect(came.append)
    arrivals.refused.connect(refused.append)
    for result in (None, result_of(None)):
        arrivals._cockpit.result = result
        arrivals.take_result()
    assert not made
    arrivals._cockpit.result = result_of("mask", broken=True)
    arrivals.take_result()
    assert refused == ["There is nothing to review."]
    arrivals.close()
    arrivals._cockpit.result = result_of("mask")
    arrivals.take_result()
    assert not came
    arrivals.watch()
