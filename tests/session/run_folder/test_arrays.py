"""Arrays of a file that anybody may have written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from napari_osuda.session.run_folder.arrays import read_arrays

_ARRAYS = of_numpy.arrays(
    st.sampled_from(["<f4", ">f8", "u1", "<i8", "?", "<U5"]), of_numpy.array_shapes(min_dims=0, max_side=4)
)


@given(st.dictionaries(st.sampled_from(["distance", "alpha", "labels"]), _ARRAYS, max_size=3))
@settings(deadline=None, max_examples=40)
def test_what_is_written_is_read(tmp_path_factory, arrays):
    file = tmp_path_factory.getbasetemp() / "arrays.npz"
    np.savez_compressed(file, **arrays)
    found = read_arrays(file)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_curves_that_stand_still_are_honest(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", still=np.zeros((1000, 10_000), np.float32))
    assert read_arrays(tmp_path / "a.npz")["still"].shape == (1000, 10_000)


@pytest.mark.parametrize(
    "arrays",
    [
        {f"a{i}": np.zeros(1) for i in range(100)},
        {"a": np.zeros(2**27, np.uint8)},
        {"a": np.array([object()])},
    ],
    ids=["many", "large", "objects"],
)
def test_too_many_too_large_and_objects_are_refused(tmp_path, arrays):
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=r"large|measure|pickle|Object"):
        read_arrays(tmp_path / "a.npz")


@given(st.binary(max_size=400))
@settings(deadline=None)
def test_any_bytes_are_refused(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "junk.npz"
    file.write_bytes(content)
    with pytest.raises((ValueError, OSError)):
        read_arrays(file)
