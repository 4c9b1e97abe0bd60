"""Run folders spoiled at random open or give a sentence; more are tried by ``tools/fuzz_run_folders.py``."""

from __future__ import annotations

import pytest
from fuzzers import fuzzer, no_faults

fuzz = fuzzer("fuzz_run_folders")


@pytest.mark.parametrize("form", list(fuzz.FORMS))
def test_spoiled_run_folders_are_sentences(form: str) -> None:
    no_faults(fuzz, form, 15, seed=20)
