"""Figures of the benchmarks: told beside their limits and beside those that were measured before."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

RECORD = Path(__file__).parent.parent / "docs" / "results" / "benchmark.json"
# Of all benchmarks: each measures its own among those that are asked for.
PARTS = (
    "interpreter", "import", "help", "unet", "basicunet", "dynunet", "smp", "job", "memory", "slices",
    "channels", "patients", "plots",
)  # fmt: skip
# By so much a ratio moves from one measurement to the next on a machine that does other work as well.
NOISE = 0.1


@dataclass(frozen=True)
class Figure:
    """One thing that was measured: the less, the better.

    Attributes
    ----------
    name : str
        By which it is compared with an earlier one.
    value : float
    limit : float or None
        What it must not exceed; None where it is told alone.
    unit : str
        Empty of a ratio.
    """

    name: str
    value: float
    limit: float | None = None
    unit: str = ""

    @property
    def beyond(self) -> bool:
        """Whether it exceeds its limit."""
        return self.limit is not None and self.value > self.limit

    def told(self, before: float | None) -> str:
        """A line: the figure, its limit, and whether it has moved."""
        unit = f" {self.unit}" if self.unit else ""
        line = f"{self.name}: {self.value:.3g}{unit}"
        if self.limit is not None:
            line += f" (limit {self.limit:g}{unit}{', EXCEEDED' if self.beyond else ''})"
        if before and abs(self.value / before - 1.0) > NOISE:
            line += f"  <- {'slower' if self.value > before else 'faster'} than {before:.3g}{unit} before"
        return line


def read(path: Path = RECORD) -> dict[str, float]:
    """The committed figures by name; none where there are none yet."""
    return json.loads(path.read_text(encoding="utf-8"))["figures"] if path.is_file() else {}


def save(figures: Iterable[Figure], path: Path = RECORD) -> None:
    """Put figures among the committed ones; what was not measured stays."""
    known = read(path) | {figure.name: float(f"{figure.value:.4g}") for figure in figures}
    told = {"cores": os.cpu_count(), "figures": dict(sorted(known.items()))}
    path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def run(
    description: str,
    parts: Mapping[str, Callable[[argparse.Namespace], Iterable[Figure]]],
    options: argparse.ArgumentParser | None = None,
) -> int:
    """A benchmark's command line: its parts or some of them, told, and saved where asked; the exit code.

    1 where a figure exceeds its limit.
    """
    parser = options or argparse.ArgumentParser()
    parser.description = description
    parser.formatter_class = argparse.RawTextHelpFormatter
    known = ", ".join(PARTS)
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=f"some of {known}")
    parser.add_argument("--save", action="store_true", help=f"put the figures into {RECORD.name}")
    given = parser.parse_args()
    wanted = [name for name in parts if not given.only or name in given.only]
    before, found = read(), []
    if not wanted:
        return 0
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name in wanted:
        for figure in parts[name](given):
            print(figure.told(before.get(figure.name)), flush=True)
            found.append(figure)
    if given.save:
        save(found)
    return int(any(figure.beyond for figure in found))
