from __future__ import annotations

import subprocess
import sys

import pytest

import napari_osuda.method
from napari_osuda.lazy import Module, lazily


def test_a_name_is_imported_when_it_is_first_used():
    load = lazily("package", {"sqrt": "math"})
    assert load("sqrt")(4) == 2
    with pytest.raises(AttributeError, match="module 'package' has no attribute 'cube'"):
        load("cube")
    assert Module("math").pi == pytest.approx(3.14, abs=0.01)


def test_every_name_of_the_method_is_there_and_no_module_hides_one():
    for name in napari_osuda.method.__all__:
        assert type(getattr(napari_osuda.method, name)).__name__ != "module"


@pytest.mark.parametrize(
    ("imported", "heavy"),
    [
        ("napari_osuda.method.presets, napari_osuda.imaging", {"torch", "nibabel", "scipy.ndimage"}),
        ("napari_osuda.widgets.adapt", {"torch", "nibabel", "scipy.ndimage"}),
    ],
)
def test_what_the_panel_is_made_of_loads_nothing_heavy(imported, heavy):
    code = f"import sys, {imported}; sys.exit(len({heavy} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True)
