from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.imaging.planes import (
    AXIS_CODES,
    PLANE_OF_CODE,
    PLANE_TO_AXIS,
    array_axis,
    codes_across,
    codes_within,
    mirror_axis,
    patient_axis,
)

orientations = st.permutations(AXIS_CODES).flatmap(lambda axes: st.tuples(*map(st.sampled_from, axes)))


def test_every_letter_is_of_one_axis_and_one_plane():
    assert [patient_axis(code) for code in "LRPAIS"] == [0, 0, 1, 1, 2, 2]
    assert [PLANE_OF_CODE[code] for code in "LRPAIS"] == ["sagittal"] * 2 + ["coronal"] * 2 + ["axial"] * 2


@given(orientations, st.sampled_from(sorted(PLANE_TO_AXIS)))
def test_slices_follow_along_the_one_axis_that_is_not_within_them(codes, plane):
    axis = array_axis(plane, codes)
    assert patient_axis(codes[axis]) == PLANE_TO_AXIS[plane]
    assert codes[axis] in codes_across(plane)
    assert codes_within(plane, codes) == [code for at, code in enumerate(codes) if at != axis]


@given(orientations, st.sampled_from([*PLANE_TO_AXIS, "volume"]))
def test_the_axis_to_mirror_runs_from_left_to_right(codes, plane):
    axis = mirror_axis(plane, codes)
    if plane == "sagittal":
        assert axis is None
    else:
        assert codes_within(plane, codes)[axis] in "LR"


@pytest.mark.parametrize("codes", list(itertools.permutations("RAS")))
def test_a_volume_has_no_axis_across_it(codes):
    assert codes_across("volume") == ""
    assert array_axis("volume", codes) is None
    assert codes_within("volume", codes) == list(codes)
