"""Models spoiled at random load or give a sentence; many more are tried by ``tools/fuzz_models.py``."""

from __future__ import annotations

import importlib.util
import signal
import sys
from pathlib import Path

import pytest

_PLACE = Path(__file__).parents[2] / "tools/fuzz_models.py"
_SPEC = importlib.util.spec_from_file_location("fuzz_models", _PLACE)
assert _SPEC is not None
assert _SPEC.loader is not None
fuzz = importlib.util.module_from_spec(_SPEC)
sys.modules["fuzz_models"] = fuzz
_SPEC.loader.exec_module(fuzz)


@pytest.mark.parametrize("form", list(fuzz.FORMS))
def test_spoiled_models_are_sentences(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    if "MONAI" in form:
        pytest.importorskip("monai")
    if form == "ONNX":
        pytest.importorskip("onnx2torch", exc_type=Exception)
    before = signal.signal(signal.SIGALRM, fuzz._hang)
    try:
        found = fuzz.run(form, 25, seed=20)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not {key: found[key] for key in ("unforeseen", "traceback", "slow") if key in found}, (
        capsys.readouterr()
    )
    assert found["sentence"]
