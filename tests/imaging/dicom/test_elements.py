"""Whatever stands in a DICOM header becomes plain values in bounds, or a sentence that names the element."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
from dicom_parts import rewrite
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_osuda.errors import CaseError
from napari_osuda.imaging import read_volume
from napari_osuda.imaging.dicom.elements import (
    FrameElements,
    HeaderElements,
    PixelElements,
    elements_of,
    text_of,
)

HONEST = {
    "Rows": 9, "Columns": 8, "NumberOfFrames": 1, "ImagePositionPatient": [0.0, 1.5, -3.0],
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [1.5, 1.5], "SliceThickness": 3.0,
    "SpacingBetweenSlices": None, "RescaleSlope": 1.0, "RescaleIntercept": 0.0, "ImageType": ["ORIGINAL"],
    "AcquisitionMatrix": [0, 64, 64, 0], "SamplesPerPixel": 1, "BitsAllocated": 16,
}  # fmt: skip
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-2, 70_000), st.floats(), st.text(max_size=9),
    st.binary(max_size=4), st.lists(st.floats() | st.integers(-9, 9) | st.text(max_size=3), max_size=7),
)  # fmt: skip


@given(st.sampled_from(sorted(HONEST)), ODD, st.sampled_from([FrameElements, HeaderElements, PixelElements]))
@settings(deadline=None, max_examples=150)
def test_any_value_of_an_element(name, value, kind):
    said = ""
    try:
        found = elements_of(kind, [SimpleNamespace(**{**HONEST, name: value})])
    except ValueError as error:
        said = str(error)
    if said:
        assert name in said
        assert said.isprintable()
        return
    for field, told in found.model_dump().items():
        for number in told if isinstance(told, tuple) else (told,):
            assert not isinstance(number, float) or math.isfinite(number)
        if field in ("rows", "columns", "frames"):
            assert type(told) is int
            assert told >= 1


class Damaged:
    """A data set of which pydicom can make nothing."""

    def __getattr__(self, name):
        raise OverflowError("no room\x1b[31m")


def test_what_pydicom_cannot_read_is_named():
    with pytest.raises(ValueError, match=r"PixelSpacing|ImagePosition"):
        elements_of(FrameElements, [Damaged()])
    assert text_of(Damaged(), "SeriesDescription") == ""
    assert len(text_of(SimpleNamespace(SeriesDescription="a" * 10**6), "SeriesDescription")) <= 1024


def test_a_frames_own_element_goes_before_the_shared_one():
    own, shared = SimpleNamespace(RescaleSlope=2.0), SimpleNamespace(RescaleSlope=3.0, RescaleIntercept=1)
    found = elements_of(FrameElements, [own, shared])
    assert (found.slope, found.intercept, found.position) == (2.0, 1.0, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [("PixelSpacing", [0, 1]), ("ImagePositionPatient", [0, 1e30, 0]), ("RescaleSlope", "1e300"),
     ("ImageOrientationPatient", [1, 0, 0, 1, 0, 0]), ("NumberOfFrames", -2), ("Rows", 0)],
)  # fmt: skip
def test_a_series_with_such_a_file_is_refused_by_name(series, name, value):
    rewrite(series[2], **{name: value})
    with pytest.raises(CaseError, match=name):
        read_volume(series[0])
