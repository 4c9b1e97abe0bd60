from __future__ import annotations

from napari_osuda.models import inspect_model, load_model
from napari_osuda.widgets.adapt.model.card import card_text
from napari_osuda.widgets.qt.theme import palette

DARK = palette("dark")


def test_the_card_tells_what_the_model_is(model_folder):
    model = load_model(model_folder)
    text = card_text(model, inspect_model(model), DARK)
    assert "Images: t1, t2" in text
    assert "#e69f00" in text
    assert "<from>" not in text, "a name must not be read as markup"
    assert "Can be adapted" in text
