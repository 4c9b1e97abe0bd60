from __future__ import annotations


def test_the_settings_around_the_defaults_are_those_but_for_what_their_name_says():
    from napari_osuda.benchmark.sweeps.settings import AROUND

    defaults = AROUND[0].changes
    for setting in AROUND[1:]:
        changed = {key for key in setting.changes if setting.changes[key] != defaults.get(key)}
        assert 1 <= len(changed) <= 2, setting.name
