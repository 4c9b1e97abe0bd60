from __future__ import annotations

import pytest

from napari_osuda.benchmark.training.recipe import Recipe
from napari_osuda.errors import ConfigError


@pytest.mark.parametrize(("field", "least"), [("epochs", 1), ("batch_size", 1), ("seed", 0)])
def test_a_recipe_that_trains_nothing_is_refused(field, least):
    assert Recipe(**{field: least})
    with pytest.raises(ConfigError, match=f"{field} is {least - 1}; it must be {least} or more"):
        Recipe(**{field: least - 1})
