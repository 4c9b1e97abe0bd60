from __future__ import annotations

import signal
from types import SimpleNamespace

import pytest

from napari_osuda.cli import terminal
from napari_osuda.cli.terminal import summary
from napari_osuda.evaluation import RegionScore
from napari_osuda.session import Recommendation
from napari_osuda.session.advice import Reason, ReasonKind


def score(region, dice):
    return RegionScore(region, dice, 3.0, 2.0, 0.5, 0.5, 1.0, 1.0, False)


def result(before=(), after=(), calibration=(None, None), decision=None, folder=None):
    advice = None if decision is None else Recommendation(decision, (Reason(ReasonKind.NOTHING),))
    case = SimpleNamespace(
        case=SimpleNamespace(name="p7"), scores_before=before, scores_after=after, recommendation=advice,
        calibration_before=calibration[0], calibration_after=calibration[1],
    )  # fmt: skip
    return SimpleNamespace(cases=(case,), folder=folder)


@pytest.mark.parametrize(("after", "worse"), [(0.7, False), (0.4, True), (0.498, False)])
def test_a_fall_of_dice_is_pointed_out(after, worse):
    (line,) = summary(result([score("WT", 0.5)], [score("WT", after)]))
    assert line.startswith(f"p7: Dice of WT 0.500 before, {after:.3f} after")
    assert ("worse" in line) == worse


def test_what_is_not_known_is_not_told(tmp_path):
    assert list(summary(result())) == []
    known = SimpleNamespace(ece=0.1, brier=0.2)
    assert list(summary(result(calibration=(known, None)))) == []
    assert len(list(summary(result(calibration=(known, known))))) == 1
    assert list(summary(result(folder=tmp_path / "gone"))) == []
    assert list(summary(result(folder=tmp_path))) == [f"Run folder: {tmp_path}"]


def test_the_verdict_comes_before_its_reasons():
    (line,) = summary(result(decision="keep-source"))
    assert line.startswith("p7: Use the original mask. ")


def test_a_first_ctrl_c_asks_for_an_end_and_a_second_one_leaves(capsys):
    stopped = []
    before = signal.getsignal(signal.SIGINT)
    with terminal._ctrl_c(lambda: stopped.append(True)):
        signal.raise_signal(signal.SIGINT)
        assert stopped == [True]
        assert "Press Ctrl-C again" in capsys.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
