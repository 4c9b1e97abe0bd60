from __future__ import annotations

import pytest

from napari_osuda.errors import ModelError
from napari_osuda.models.architectures.allowed_values import STRIDES
from napari_osuda.models.architectures.checked_arguments import checked_arguments
from napari_osuda.models.architectures.closed_list import NETWORKS

OURS = "napari_osuda.networks"


def test_allowed_arguments_pass_as_they_are():
    given = {"in_channels": 2, "out_channels": 3, "features": [4, 8]}
    assert checked_arguments(OURS, "UNet", given) == given


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("Popen", {}, "has no network 'Popen'"),
        ("UNet", {"weights": "x"}, "may not be given the argument 'weights'"),
        ("UNet", {"in_channels": "two"}, r"kwargs\.in_channels is 'two'; it must be"),
    ],
)
def test_what_is_not_allowed_is_named_with_what_is(name, given, said):
    with pytest.raises(ModelError, match=said):
        checked_arguments(OURS, name, given)


def test_arguments_by_which_a_library_would_fetch_are_off():
    forced = {
        (module, name): {key: kind.forced[0] for key, kind in allowed.items() if kind.forced}
        for module, networks in NETWORKS.items()
        for name, allowed in networks.items()
    }
    assert any(forced.values())
    for (module, name), off in forced.items():
        assert checked_arguments(module, name, {}) == off


@pytest.mark.parametrize("value", [256, [2, 256], [[2, 2, 256]], 0, True, "2", [[[2]]]])
def test_a_stride_is_a_small_number(value):
    assert STRIDES.holds(2)
    assert STRIDES.holds([1, [2, 2, 1], 16])
    assert not STRIDES.holds(value)
