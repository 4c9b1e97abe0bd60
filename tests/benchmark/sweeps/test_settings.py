from __future__ import annotations


def test_the_settings_around_the_defaults_are_the_defaults_but_for_what_their_name_says():
    from napari_osuda.benchmark.sweeps.settings import AROUND
    from napari_osuda.method import AdaptationConfig

    defaults = AdaptationConfig().to_dict()
    assert {key: defaults[key] for key in AROUND[0].changes} == AROUND[0].changes
    for setting in AROUND[1:]:
        changed = {key for key in defaults if setting.changes.get(key, defaults[key]) != defaults[key]}
        assert 1 <= len(changed) <= 2, setting.name
