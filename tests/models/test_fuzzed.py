"""Models spoiled at random load or give a sentence; many more are tried by ``tools/fuzz_models.py``."""

from __future__ import annotations

import pytest
from fuzzers import fuzzer, no_faults

fuzz = fuzzer("fuzz_models")


@pytest.mark.parametrize("form", list(fuzz.FORMS))
def test_spoiled_models_are_sentences(form: str) -> None:
    if "MONAI" in form:
        pytest.importorskip("monai")
    if form == "ONNX":
        pytest.importorskip("onnx2torch", exc_type=Exception)
    no_faults(fuzz, form, 25, seed=20)
