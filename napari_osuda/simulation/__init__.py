"""Simulated gliomas on real anatomy: patients for samples, demonstrations and the bench.

The names below are loaded when they are first used: finding the sample files (`shipped`) needs none of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_osuda.simulation.patient import LABELS, SimulatedPatient, simulate_patient
    from napari_osuda.simulation.scanner import CONTRASTS, SCANNERS, Scanner

__all__ = ["CONTRASTS", "LABELS", "SCANNERS", "Scanner", "SimulatedPatient", "simulate_patient"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "scanner" if name in ("CONTRASTS", "SCANNERS", "Scanner") else "patient"
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
