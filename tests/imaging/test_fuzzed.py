"""Images spoiled at random are read or give a sentence; many more are tried by ``tools/fuzz_images.py``."""

from __future__ import annotations

import pytest
from fuzzers import fuzzer, no_faults

pytest.importorskip("pydicom")
pytest.importorskip("SimpleITK")
fuzz = fuzzer("fuzz_images")


@pytest.mark.parametrize("form", list(fuzz.FORMATS))
def test_spoiled_images_are_sentences(form: str) -> None:
    no_faults(fuzz, form, 15, seed=20)
