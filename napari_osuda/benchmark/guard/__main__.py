"""Fit the guard: ``python -m napari_osuda.benchmark.guard guard.csv bench.csv`` of ``docs/results/real``.

Writes the coefficients that the session reads (``session/guard/fitted.json``) and a page of what they are
worth on patients that took no part (``guard.md`` beside the first table). Tables are gathered ones
(`napari_osuda.benchmark.guard.table`) or those of a bench.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from napari_osuda.benchmark.guard.fit import finished, held_out
from napari_osuda.benchmark.guard.rows import read_table
from napari_osuda.benchmark.guard.worth import page
from napari_osuda.files import written_whole
from napari_osuda.session.guard import estimate


def main(argv: Sequence[str] | None = None) -> int:
    """Fit on a table, and write the coefficients and the page."""
    parser = argparse.ArgumentParser(prog="python -m napari_osuda.benchmark.guard", description=__doc__)
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=Path(estimate.__file__).with_name("fitted.json"))
    options = parser.parse_args(argv)
    cases = read_table(*options.tables)
    held = held_out(cases)
    estimator = finished(cases, held)
    with written_whole(options.out) as path:
        path.write_text(json.dumps(estimator.to_dict(), indent=1) + "\n")
    text = page(held, estimator)
    with written_whole(options.tables[0].with_suffix(".md")) as path:
        path.write_text(text)
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
