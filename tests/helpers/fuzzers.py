"""The fuzzers of ``tools``, as modules, and how a test takes a few tries of one."""

from __future__ import annotations

import importlib
import signal
import sys
from pathlib import Path
from typing import Any

__all__ = ["fuzzer", "no_faults"]


def fuzzer(name: str) -> Any:
    """A fuzzer by its module's name."""
    place = str(Path(__file__).parents[2] / "tools")
    if place not in sys.path:
        sys.path.insert(0, place)
    return importlib.import_module(name)


def no_faults(module: Any, form: str, count: int, seed: int) -> Any:
    """Try so many spoiled ones of a form; gives the tally, of which none is a fault."""
    before = {number: signal.getsignal(number) for number in (signal.SIGALRM, signal.SIGPROF)}
    try:
        tally = module.run(form, count, seed)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert tally.faults == 0, dict(tally.counts)
    assert tally.counts["sentence"]
    return tally
