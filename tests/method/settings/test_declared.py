from __future__ import annotations

import inspect
import re
import runpy
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import napari_osuda
from napari_osuda.errors import ConfigError
from napari_osuda.method import AdaptationConfig
from napari_osuda.method.settings import Group, Setting, declared_settings, grouped, setting_texts

DOCS = Path(napari_osuda.__file__).parents[1] / "docs"


@dataclass(frozen=True)
class Extended(AdaptationConfig):
    added: Annotated[float, Setting("Added", Group.LOSSES, "Is new.", low=0, high=2, unit="mm")] = 1.5


def test_a_new_setting_is_read_held_in_its_range_listed_and_recorded():
    assert Extended.from_items(["added=0.5"]).to_dict()["added"] == 0.5
    with pytest.raises(ConfigError, match=r"added is 3\.0; it must be between 0 and 2"):
        Extended.from_items(["added=3"])
    assert declared_settings(Extended)["added"].setting.step == 0.0
    assert setting_texts(Extended)[Group.LOSSES]["added"] == "1.5: Is new. In mm. It must be between 0 and 2."


@pytest.mark.skipif(not DOCS.is_dir(), reason="not a checkout")
def test_the_page_of_settings_is_as_they_are_declared():
    page = runpy.run_path(str(DOCS / "make_settings.py"))["settings_page"]
    assert "| `added` | `1.5` | Is new. In mm." in page(Extended)
    assert (DOCS / "settings.md").read_text(encoding="utf-8") == page()


def test_every_setting_is_in_one_group_and_each_choice_has_its_words():
    known = declared_settings(AdaptationConfig)
    assert list(known) == list(AdaptationConfig().to_dict())
    assert sorted(name for members in grouped(AdaptationConfig).values() for name in members) == sorted(known)
    for one in known.values():
        assert len(one.setting.words) in (0, len(typing.get_args(one.kind)))
        assert one.setting.label
        assert one.setting.meaning.endswith(".")
    labels = [one.setting.label for one in known.values()]
    assert len(set(labels)) == len(labels)


def test_help_lists_each_setting_its_type_and_its_range():
    beginning, *entries = re.split(r"\n(?=\w+ : )", inspect.getdoc(AdaptationConfig) or "")
    assert beginning.startswith("All settings of an adaptation")
    assert "tau : float" in [entry.partition("\n")[0] for entry in entries]
    for entry, (name, one) in zip(entries, declared_settings(AdaptationConfig).items(), strict=True):
        assert entry.startswith(f"{name} : ")
        assert "".join(one.setting.meaning.split()) in "".join(entry.split())
        assert entry.endswith(f"\n    It is {one.rule}.") is bool(one.setting.rule)
    assert inspect.signature(AdaptationConfig).parameters["tau"].annotation is float


def test_a_field_that_says_nothing_of_itself_is_refused():
    @dataclass
    class Mute:
        silent: int = 0

    with pytest.raises(TypeError, match="silent says nothing"):
        declared_settings(Mute)


@given(
    value=st.floats(-10, 10),
    low=st.none() | st.integers(-5, 0),
    high=st.none() | st.integers(1, 5),
    above=st.booleans(),
)
@example(value=0.0, low=0, high=None, above=True)
@example(value=0.0, low=0, high=None, above=False)
def test_a_range_admits_what_lies_in_it(value, low, high, above):
    one = Setting("x", Group.LOSSES, "Is x.", low=low, high=high, above=above)
    low_enough = high is None or value <= high
    high_enough = low is None or value > low or (value == low and not above)
    assert one.admits(value) == one.admits((0.5, value)) == (low_enough and high_enough)
    assert bool(one.rule) == (low is not None or high is not None)
