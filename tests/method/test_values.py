from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.errors import ConfigError
from napari_osuda.method.values import check_setting, read_value

WORD = Literal["adam", "sgd"]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("0.5", float, 0.5), ("3", int, 3), ("3.0", int, 3), ("TRUE", bool, True), ("no", bool, False),
        ("true", bool, True), ("1", bool, True), ("yes", bool, True), ("false", bool, False),
        ("0", bool, False), (True, bool, True), ((0.9, 0.1), tuple[float, ...], (0.9, 0.1)),
        ("adam", WORD, "adam"), ("none", float | None, None), (" ", int | None, None), ("2", int | None, 2),
        ("0.9,0.1", tuple[float, ...] | None, (0.9, 0.1)), ("[0.9, 0.1]", tuple[float, ...], (0.9, 0.1)),
    ],
)  # fmt: skip
def test_a_text_is_read_as_the_type_of_its_field(text, kind, value):
    found = read_value("key", text, kind)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        ("nan", float, "must be a number"), ("inf", float, "must be a number"), ("x", int, "a whole number"),
        (1.5, int, "a whole number"), (True, int, "a whole number"), ("maybe", bool, "true or false"),
        ("rmsprop", WORD, "one of adam, sgd"), ("0.9,x", tuple[float, ...], "must be a number"),
    ],
)  # fmt: skip
def test_what_is_not_of_that_type_says_what_would_be(value, kind, said):
    with pytest.raises(ConfigError, match=said):
        read_value("key", value, kind)


@given(st.integers(-(10**6), 10**6), st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_value_comes_back_from_its_own_text(whole, number):
    assert read_value("key", str(whole), int) == whole
    assert read_value("key", repr(number), float) == number


def test_a_setting_that_keeps_to_its_rule_passes_and_another_is_named():
    check_setting(True, "tau", 1.0, "above 0")
    with pytest.raises(ConfigError, match=r"^tau is -1; it must be above 0\.$"):
        check_setting(False, "tau", -1, "above 0")


def test_a_whole_number_of_many_digits_stays_itself():
    digits = "123456789012345678901234567890"
    assert read_value("seed", digits, int) == int(digits)
    assert read_value("seed", "1e3", int) == 1000
