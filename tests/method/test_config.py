from __future__ import annotations

import pytest

from napari_osuda.errors import ConfigError
from napari_osuda.method import AdaptationConfig


def test_texts_are_read_as_their_fields_types():
    config = AdaptationConfig.from_items(
        ["iterations=7", "tau=2.5", "entropy=false", "threads=none", "hbs=proximal", "learning_rate=1e-3"]
    )
    assert (config.iterations, config.tau, config.entropy, config.threads) == (7, 2.5, False, None)
    assert (config.hbs, config.learning_rate) == ("proximal", 1e-3)
    assert AdaptationConfig(**config.to_dict()) == config


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ("iteration=3", "no setting 'iteration'.*batch_size.*iterations"),
        ("iterations", "no setting with its value"),
        ("iterations=2.5", "whole number"),
        ("iterations=many", "whole number"),
        ("tau=nan", "number"),
        ("tau=0", "above 0"),
        ("eta0=1.5", "between 0 and 1"),
        ("hbs=mean", "one of sum, proximal, off"),
        ("entropy=perhaps", "true or false"),
        ("batch_size=0", "1 or more"),
        ("threads=0", "between 1 and 1024, or none"),
        ("seed=-1", "seed is -1; it must be between 0 and 4294967295"),
    ],
)
def test_an_unusable_setting_says_what_would_be_usable(item, says):
    with pytest.raises(ConfigError, match=says):
        AdaptationConfig.from_items([item])


def test_settings_of_earlier_releases_are_read_with_a_warning():
    with pytest.warns(FutureWarning, match="'go_back' is called 'fallback' now"):
        assert not AdaptationConfig().replace(go_back=False).fallback
    with pytest.warns(FutureWarning, match="contrast=inverted") as told:
        assert AdaptationConfig.from_items(["contrast=turned"]).contrast == "inverted"
    # It points to who has asked for it.
    assert told[0].filename == __file__
    with pytest.warns(FutureWarning, match="fallback") as told:
        AdaptationConfig.from_items(["go_back=false"])
    assert told[0].filename == __file__


@pytest.mark.parametrize(("settings", "nothing"), [
    ({}, True),
    ({"iterations": 1}, False),
    ({"inference_statistics": "target"}, False),
    ({"test_time": "prompt"}, False),
    ({"multi_view": True}, False),
    ({"iterations": 1, "inference_statistics": "target"}, False),
])  # fmt: skip
def test_only_a_source_model_that_is_neither_trained_nor_looked_at_again_stays_itself(settings, nothing):
    still = AdaptationConfig(iterations=0, inference_statistics="source", test_time="none", multi_view=False)
    assert still.replace(**settings).changes_nothing == nothing
