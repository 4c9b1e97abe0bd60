from __future__ import annotations

from napari_osuda.method import AdaptationConfig
from napari_osuda.widgets.adapt.settings.groups import GROUPS, grouped


def test_each_setting_is_in_one_group():
    names = [name for members in GROUPS.values() for name in members]
    assert sorted(names) == sorted(AdaptationConfig().to_dict())
    assert "More" not in grouped(AdaptationConfig().to_dict())
