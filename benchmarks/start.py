"""How long the package and the command line take to start: medians over fresh processes, beside their limits.

``python benchmarks/start.py [--runs 11]``. It is the CPU time of the process, the bare interpreter included:
what a machine without other work takes by the clock.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from functools import partial

from figures import Figure, run

PARTS = {
    "interpreter": ("a bare interpreter", ["-c", "pass"], None),
    "import": ("import napari_osuda", ["-c", "import napari_osuda"], 0.15),
    "help": ("napari-osuda --help", ["-m", "napari_osuda", "--help"], 0.4),
}


def cpu_time(arguments: list[str]) -> float:
    """Seconds of CPU time of a fresh interpreter."""
    before = os.times()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    user, system = after.children_user - before.children_user, after.children_system - before.children_system
    return user + system


def start(name: str, given: argparse.Namespace) -> Iterator[Figure]:
    """The median run; the first one fills the caches, and does not count."""
    said, arguments, limit = PARTS[name]
    seconds = [cpu_time(arguments) for _ in range(given.runs + 1)][1:]
    yield Figure(f"start: {said}", statistics.median(seconds), limit, "s")


def main() -> int:
    """Print the figures; 1 where one is beyond its limit."""
    options = argparse.ArgumentParser()
    options.add_argument("--runs", type=int, default=11)
    return run(__doc__ or "", {name: partial(start, name) for name in PARTS}, options)


if __name__ == "__main__":
    sys.exit(main())
