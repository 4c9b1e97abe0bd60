"""The examples in docstrings, run as they stand there."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import napari_osuda

PACKAGE = Path(napari_osuda.__file__).parent
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)
# What a reader of the docs meets first: each shows how it is called.
SHOWN = {
    "napari_osuda.evaluation.overlap",
    "napari_osuda.evaluation.surface",
    "napari_osuda.imaging.modalities",
    "napari_osuda.imaging.naming",
    "napari_osuda.method.config",
    "napari_osuda.method.loop",
    "napari_osuda.method.losses",
    "napari_osuda.method.schedules",
    "napari_osuda.method.transferability",
}


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_of_a_module_do_what_they_say(name):
    done = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert done.attempted > 0
    assert done.failed == 0


def test_what_is_public_shows_how_it_is_called():
    assert set(WITH_EXAMPLES) >= SHOWN
