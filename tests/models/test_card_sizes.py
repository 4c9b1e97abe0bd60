from __future__ import annotations

import pytest

from napari_osuda.models.card_sizes import check_sizes


@pytest.mark.parametrize(
    ("dims", "sizes", "view", "said"),
    [
        (2, {"size": (1, 2, 3)}, None, "size has 3 numbers; it must have 2"),
        (3, {}, (1.0, 2.0), "field_of_view_mm has 2 numbers; it must have 3"),
        (2, {"minimum": (8192, 8192)}, None, "at most 16,777,216 pixels"),
        (3, {"step": (512, 512, 512)}, None, "step is 512 x 512 x 512"),
        (2, {"window": (4, 4)}, None, "windows that small"),
        (3, {"size": (3, 3, 3)}, None, "windows that small"),
    ],
)
def test_a_size_that_cannot_be_names_its_key(dims, sizes, view, said):
    with pytest.raises(ValueError, match=said):
        check_sizes(dims, sizes, view)


def test_sizes_that_fit_pass():
    check_sizes(2, {"size": (4, 4), "window": (8, 8), "step": None}, (100.0, 100.0))
    check_sizes(3, {"size": (256, 256, 256), "minimum": None}, None)
