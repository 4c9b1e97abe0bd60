from __future__ import annotations

import pytest

from napari_osuda.errors import ConfigError
from napari_osuda.method import adapt, preset
from napari_osuda.method.presets import PRESETS, check_complete


def test_cruda_says_what_it_assumes():
    with pytest.raises(ConfigError, match="assumes that you know"):
        check_complete("cruda", preset("cruda"))
    check_complete("cruda", preset("cruda", class_ratio="0.9,0.1"))
    check_complete("tent", preset("tent"))


def test_a_ratio_of_the_wrong_length_is_refused(unet, batches):
    with pytest.raises(ConfigError, match="2 shares; the network has 3"):
        next(adapt(unet, batches, preset("cruda", class_ratio=(0.5, 0.5))))


def test_every_method_has_a_line_and_a_citation():
    for known in PRESETS.values():
        assert known.summary.endswith(".")
        assert any(
            year in known.citation
            for year in ("2016", "2020", "2021", "2022", "2023", "2024", "2025", "2026")
        )
        assert len(known.summary) < 100


def test_presets_are_named_by_the_paper():
    assert {"osuda", "osuda-ac", "osuda-se", "source-only", "adabn"} <= set(PRESETS)
    assert preset("osuda-ac").channel_weighting == "uniform"
    assert preset("osuda-se").entropy is False
    assert preset("osuda", iterations="3").iterations == 3
    with pytest.raises(ConfigError, match=r"no method 'magic'.*osuda-ac"):
        preset("magic")
