"""How long the package and the command line take to start: medians over fresh processes, beside their limits.

``python benchmarks/start.py [--runs 11]``; the time of a bare interpreter is told, and is in the figures.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

LIMITS = {
    "a bare interpreter": (["-c", "pass"], None),
    "import napari_osuda": (["-c", "import napari_osuda"], 0.15),
    "napari-osuda --help": (["-m", "napari_osuda", "--help"], 0.4),
}


def median(arguments: list[str], runs: int) -> float:
    """Seconds of the median run; the first one fills the caches, and does not count."""
    seconds = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:])


def main() -> int:
    """Print the figures; 1 where one is beyond its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=11)
    runs = parser.parse_args().runs
    late = False
    for name, (arguments, limit) in LIMITS.items():
        seconds = median(arguments, runs)
        late |= limit is not None and seconds > limit
        print(f"{name}: {seconds:.3f} s" + ("" if limit is None else f" (limit {limit:.2f} s)"))
    return int(late)


if __name__ == "__main__":
    sys.exit(main())
