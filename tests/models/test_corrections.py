from __future__ import annotations

import pytest

from napari_osuda.errors import ModelError
from napari_osuda.models.corrections import correction_notes

FILES = {"orientation": "LPS", "spacing_mm": (1.0, 1.0, 5.0), "normalisation": "zscore", "name": "a"}


@pytest.mark.parametrize("answers", [{}, {"orientation": "lps"}, {"spacing_mm": [1, 1, 5]}, {"name": "b"}])
def test_what_agrees_needs_no_word(answers):
    assert correction_notes(FILES, answers, "m") == ()


def test_an_answer_that_the_files_contradict_is_told():
    notes = correction_notes(FILES, {"orientation": "RAS", "normalisation": "range"}, "m")
    assert notes == (
        "The model's files say orientation LPS; your answer RAS is taken.",
        "The model's files say normalisation zscore; your answer range is taken.",
    )


def test_axes_in_another_order_ask_for_the_sizes_along_them():
    with pytest.raises(ModelError, match=r"1\.0, 1\.0, 5\.0 along the axes LPS.*spacing_mm as well"):
        correction_notes(FILES, {"orientation": "SPL"}, "m")
    assert len(correction_notes(FILES, {"orientation": "SPL", "spacing_mm": (5.0, 1.0, 1.0)}, "m")) == 2
    # The same along each axis has no order.
    assert len(correction_notes({**FILES, "spacing_mm": (1.0, 1.0, 1.0)}, {"orientation": "SPL"}, "m")) == 1
