from __future__ import annotations

import pytest

from napari_osuda.errors import ConfigError
from napari_osuda.method import adapt, preset
from napari_osuda.method.presets import PRESETS, check_complete

NOTHING_TRAINED = {"iterations": 0}
PLAIN_MASK = {"mirror": False, "second_look": False}
# Of what came after the papers: no change of contrast, all slices, the mask as it is and no way back.
PUBLISHED = {**PLAIN_MASK, "contrast": "off", "minimum_head": 0.0, "pooled_slices": None, "fallback": False}
SOURCE, TARGET = {"inference_statistics": "source"}, {"inference_statistics": "target"}
# Statistics of the target from the first step on, and the entropy at one weight.
AT_ONCE = {"eta0": 0.0, "hbs": "off", "lambda0": 1.0, "lambda_schedule": "constant", **TARGET, **PUBLISHED}
TENT = {**AT_ONCE, "parameters": "affine", "learning_rate": 1e-3}
MOVED = {"statistics": "momentum", "hbs": "off", "entropy": False, **PUBLISHED}
# What makes each method that method, beside the defaults: under these the published tables were measured.
CHANGES = {
    "osuda": {},
    "osuda-paper": {"tau": 1.0, "iterations": 40, **TARGET, **PUBLISHED},
    "osuda-ac": {"channel_weighting": "uniform"},
    "osuda-se": {"entropy": False},
    "source-only": {**NOTHING_TRAINED, **SOURCE, **PUBLISHED},
    "contrast-only": {**NOTHING_TRAINED, **SOURCE, **PLAIN_MASK, "contrast": "names"},
    "curve": {**NOTHING_TRAINED, **SOURCE, **PLAIN_MASK},
    "adabn": {**NOTHING_TRAINED, **TARGET, **PUBLISHED},
    "norm-prior": {**NOTHING_TRAINED, "source_count": 16, **PUBLISHED},
    "tent": TENT,
    "dua": {**MOVED, "inference_statistics": "running"},
    "cruda": AT_ONCE,
    "sar": {**TENT, "entropy_margin": 0.4, "sharpness": 0.05, "recovery": 0.029},
    "grata": {**TENT, "gradient_alignment": True},
    "intent": {**NOTHING_TRAINED, **SOURCE, **PUBLISHED, "test_time": "ensemble"},
    "vptta": {**NOTHING_TRAINED, **SOURCE, **PUBLISHED, "test_time": "prompt"},
    "muvi": {
        **MOVED, **SOURCE, "momentum": 0.0, "momentum_floor": 0.0, "multi_view": True,
        "learning_rate": 1e-3, "optimizer": "sgd", "sgd_momentum": 0.99,
    },
    "osuda-mc": {"gamma_weighting": True, "consistency": 1.0},
}  # fmt: skip


@pytest.mark.parametrize("name", PRESETS)
def test_a_method_differs_from_the_defaults_as_its_paper_does(name):
    ours = preset("osuda").to_dict()
    assert {key: value for key, value in preset(name).to_dict().items() if value != ours[key]} == CHANGES[
        name
    ]


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
