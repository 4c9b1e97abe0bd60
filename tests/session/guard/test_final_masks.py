from __future__ import annotations

import numpy as np
import pytest

from napari_osuda.method import preset
from napari_osuda.models import load_model
from napari_osuda.session import IterationReason, adapt_case, predict_case
from napari_osuda.session.advice import Reason, ReasonKind, Recommendation
from napari_osuda.session.guard.recommendation import Judgment

CONFIG = preset("osuda", iterations=2, batch_size=4, learning_rate=0.02)
FIGURES = {f"{when}_{name}": 0.5 for when in ("before", "after") for name in ("dice", "low", "high")}


@pytest.fixture
def refused(monkeypatch):
    """A guard that refuses every mask that training or statistics have led to."""

    def judged(evidence, name, estimator, contrast):
        return Judgment(Recommendation("keep-source", (Reason(ReasonKind.WORSE, FIGURES),)), 0.0)

    monkeypatch.setattr("napari_osuda.session.guard.judging.judged", judged)


@pytest.fixture
def lost(monkeypatch):
    """A second look that does not find every second slice."""

    def not_found_again(mask, again):
        found = np.zeros(mask.shape, bool)
        found[::2] = mask[::2] != 0
        return found

    monkeypatch.setattr("napari_osuda.session.inference.prediction.not_found_again", not_found_again)
    for module in ("guard.final_masks", "inference.prediction"):
        monkeypatch.setattr(f"napari_osuda.session.{module}.pieces_in", lambda mask: 2)


def test_where_training_is_refused_the_original_mask_loses_what_is_not_found_again(
    model, case, refused, lost, tmp_path
):
    result = adapt_case(model, case, CONFIG, out=tmp_path / "run")
    (found,) = result.cases
    assert found.recommendation.decision == "accept"
    assert found.recommendation.reasons[0].kind is ReasonKind.REMOVED
    assert 0 < np.count_nonzero(found.after) < np.count_nonzero(found.before)
    assert not (found.after[found.before == 0]).any()
    assert (result.iteration, result.iteration_reason) == (0, IterationReason.GUARD)
    card = result.adapted_model.card
    assert card.second_look
    assert not card.mirror_averaging
    # The saved model gives the same mask.
    np.testing.assert_array_equal(predict_case(load_model(tmp_path / "run" / "model"), case), found.after)


def test_where_all_is_found_again_the_refused_mask_stands_beside_the_original_one(
    model, case, refused, monkeypatch
):
    trained = adapt_case(model, case, CONFIG.replace(second_look=False))
    monkeypatch.setattr("napari_osuda.session.guard.final_masks.pieces_in", lambda mask: 2)
    result = adapt_case(model, case, CONFIG)
    assert result.cases[0].recommendation.decision == "keep-source"
    np.testing.assert_array_equal(result.cases[0].after, trained.cases[0].after)
    assert result.iteration is None


@pytest.mark.parametrize("config", [CONFIG.replace(second_look=False), preset("tent", iterations=1)])
def test_without_the_setting_nothing_is_looked_at_again(model, case, refused, lost, config):
    result = adapt_case(model, case, config)
    assert result.cases[0].recommendation.decision == "keep-source"
    assert not result.adapted_model.card.second_look
