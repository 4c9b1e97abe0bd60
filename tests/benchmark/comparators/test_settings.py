from __future__ import annotations

import pytest

from napari_osuda.errors import ConfigError


@pytest.mark.parametrize("changed", [{"iterations": 0}, {"folds": 1}, {"width": 0}, {"seed": -1}])
def test_a_setting_that_cannot_be_trained_with_is_refused(tiny, changed):
    (name,) = changed
    with pytest.raises(ConfigError, match=f"{name} is"):
        tiny(**changed)
