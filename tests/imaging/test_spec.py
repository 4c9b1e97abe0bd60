from __future__ import annotations

import pytest

from napari_osuda.errors import ConfigError
from napari_osuda.imaging import SliceSpec
from napari_osuda.imaging.intensity.maps import Knots


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"plane": "oblique"}, "plane is 'oblique'"),
        ({"normalization": "minmax"}, "normalization is 'minmax'"),
        ({"normalization": ("zscore", "minmax")}, "normalization is 'minmax'"),
        ({"intensity_maps": ("upside down",)}, "intensity_maps has 'upside down'"),
        ({"interpolation": "nearest"}, "interpolation is 'nearest'"),
        ({"orientation": "RAR"}, "one letter of each"),
        ({"size": (8, 8, 8)}, "plane axial has 2 axes"),
        ({"plane": "volume", "step": (8, 8)}, "plane volume has 3 axes"),
        ({"spacing_mm": (1.0, 1.0)}, "three numbers"),
    ],
)
def test_what_cannot_be_is_named(fields, said):
    with pytest.raises(ConfigError, match=said):
        SliceSpec(**fields)


def test_a_map_is_a_name_or_a_curve():
    spec = SliceSpec(intensity_maps=("inverted", Knots((0.0, 1.0), (1.0, 0.0))))
    assert len(spec.intensity_maps) == 2


@pytest.mark.parametrize(
    ("fields", "patch"),
    [
        ({"plane": "axial"}, None),
        ({"plane": "volume"}, (96, 96, 96)),
        ({"plane": "volume", "size": (64, 64, 32)}, (64, 64, 32)),
        ({"plane": "volume", "step": (32, 32, 16), "minimum": (32, 32, 16)}, (96, 96, 96)),
        ({"plane": "volume", "minimum": (128, 128, 128)}, (128, 128, 128)),
        ({"plane": "volume", "size": (8, 8, 8), "field_of_view_mm": (8.0, 8.0, 8.0)}, None),
    ],
)
def test_a_volume_goes_through_in_patches_unless_its_field_of_view_is_fixed(fields, patch):
    spec = SliceSpec(**fields)
    assert spec.patch == patch
    assert spec.axes == (3 if fields["plane"] == "volume" else 2)
