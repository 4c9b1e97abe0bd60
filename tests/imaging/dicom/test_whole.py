"""Slices that lie evenly and are yet not all of one volume: found by what headers say beside positions."""

from __future__ import annotations

import numpy as np
import pytest
from dicom_parts import rewrite, write_series
from dicom_volume import AFFINE

from napari_osuda.errors import CaseError
from napari_osuda.imaging import read_case, read_volume

EVERY_SECOND = (1, 3, 5, 7)


def a_series(tmp_path, *, skip=(), **values):
    """Eight slices of 3 mm, 3 mm apart, without some, and with other elements."""
    data = np.random.default_rng(0).integers(1, 900, (7, 5, 8)).astype(np.int16)
    files = write_series(tmp_path / "t2", data, AFFINE, shuffle=False, skip=skip)
    for position, file in enumerate(files):
        said = {name: value(position) if callable(value) else value for name, value in values.items()}
        rewrite(file, **said)
    return files


@pytest.mark.parametrize(
    ("skip", "values", "why"),
    [
        (EVERY_SECOND, {}, "every second slice is missing.*InstanceNumber goes up by 2"),
        (EVERY_SECOND, {"SpacingBetweenSlices": 3.0}, "every second slice is missing.*says 3 mm"),
        (EVERY_SECOND, {"SpacingBetweenSlices": 3.0, "InstanceNumber": lambda k: k + 1}, "says 3 mm"),
        (EVERY_SECOND, {"SpacingBetweenSlices": -2.95}, "every second slice is missing"),
        ((1, 2, 4, 5, 7), {}, "2 of 3 slices are missing.*goes up by 3"),
        (EVERY_SECOND, {"InstanceNumber": lambda k: 40 - 2 * k}, "goes up by 2"),
        ((3,), {}, "1 missing"),
    ],
)
def test_missing_slices_are_refused_where_the_headers_prove_it(tmp_path, skip, values, why):
    files = a_series(tmp_path, skip=skip, **values)
    with pytest.raises(CaseError, match=why):
        read_volume(files[0])


@pytest.mark.parametrize(
    ("skip", "values", "gaps"),
    [
        ((), {}, False),
        # Renumbered: nothing proves it, and a person is asked.
        (EVERY_SECOND, {"InstanceNumber": lambda k: k + 1}, True),
        (EVERY_SECOND, {"InstanceNumber": None}, True),
        # Scanned so.
        (EVERY_SECOND, {"SpacingBetweenSlices": 6.0}, True),
        (EVERY_SECOND, {"SpacingBetweenSlices": 6.0, "SliceThickness": 5.0}, False),
        # Two echoes in turn, of which one was exported.
        ((), {"InstanceNumber": lambda k: 2 * k + 1}, False),
        # Slices that overlap.
        ((), {"SliceThickness": 5.0, "SpacingBetweenSlices": 3.0}, False),
        # Scanned in two passes, each numbered by itself.
        ((), {"InstanceNumber": lambda k: k // 2 + 1 + 4 * (k % 2)}, False),
        (EVERY_SECOND, {"SliceThickness": None}, False),
    ],
)
def test_whole_series_are_read_and_wide_gaps_are_known(tmp_path, skip, values, gaps):
    files = a_series(tmp_path, skip=skip, **values)
    source = read_case(files[0], ("t2",)).sources[0]
    assert source.has_gaps == gaps
    assert source.between_mm == pytest.approx(6.0 if skip else 3.0)


@pytest.mark.parametrize(
    ("element", "early", "late"),
    [
        ("EchoTime", 13.0, 90.0),
        ("TemporalPositionIdentifier", 1, 2),
        ("DiffusionBValue", 0.0, 1000.0),
    ],
)
@pytest.mark.parametrize("second", [lambda k: k >= 4, lambda k: k % 2 == 1])
def test_slices_of_two_echoes_times_or_b_values_are_no_volume_wherever_they_lie(
    tmp_path, element, early, late, second
):
    files = a_series(tmp_path, **{element: lambda k: late if second(k) else early})
    with pytest.raises(CaseError, match=f"several .*{element}.*{early:g} and {late:g}"):
        read_volume(files[0])


def test_what_headers_round_is_one_echo(tmp_path):
    files = a_series(tmp_path, EchoTime=lambda k: 90.0 + 0.1 * (k % 2))
    assert read_volume(files[0]).data.shape == (7, 5, 8)
