"""The largest memory that a training took."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import torch

__all__ = ["PeakMemory"]

_RESET, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


class PeakMemory:
    """Largest memory since it was made, MB: of the graphics card, or of the whole process.

    Parameters
    ----------
    device : torch.device
        Where the training is.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.least = 0.0
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        else:
            _forget()

    def now(self) -> float:
        """The peak until now, and at least ``least``; nan where the system does not tell."""
        if self._device.type == "cuda":
            return max(self.least, torch.cuda.max_memory_allocated(self._device) / 1e6)
        return max(_of_process(), self.least)


def _forget() -> None:
    """Let Linux count anew; elsewhere the peak is that since the program began."""
    try:
        _RESET.write_text("5", encoding="ascii")
    except OSError:
        return


def _of_process() -> float:
    try:
        for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return math.nan
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Bytes on macOS, kilobytes elsewhere.
    return most * (1 if sys.platform == "darwin" else 1024) / 1e6
