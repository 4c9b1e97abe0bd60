from __future__ import annotations

import dataclasses

import pytest

from napari_osuda.method.settings import declared_settings
from napari_osuda.session.review.tools.numbers import ToolNumbers
from napari_osuda.session.review.tools.use import ToolUse

KNOWN = declared_settings(ToolNumbers)


@pytest.mark.parametrize("name", KNOWN)
def test_what_is_taken_by_default_is_allowed(name):
    assert KNOWN[name].setting.admits(KNOWN[name].default)


def test_each_number_is_one_that_a_use_of_a_tool_has():
    of_use = {field.name for field in dataclasses.fields(ToolUse)}
    assert {name.rpartition("_")[2] for name in KNOWN} - {"intensity"} <= of_use
