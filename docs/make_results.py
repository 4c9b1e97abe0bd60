"""Make the tables of results again: ``python docs/make_results.py`` (``make pictures`` calls it).

Every method on the shipped targets, from scratch, into ``docs/results/shipped.csv`` and ``shipped.md``.
The same machine and number of threads give the same figures; only the times differ, and are left out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import torch
from tqdm import tqdm

from napari_osuda.benchmark.bench import bench_rows, run_bench
from napari_osuda.benchmark.shipped import SHIPPED_METHODS, shipped_report, shipped_series
from napari_osuda.evaluation import write_rows
from napari_osuda.files import written_whole

HERE = Path(__file__).parent


def main() -> None:
    """Run, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "results", metavar="DIR")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        rows = bench_rows(Path(folder) / "shipped.csv")
        runs = run_bench(shipped_series(), rows, SHIPPED_METHODS, device="cpu")
        with tqdm(desc="Shipped targets", unit="run", file=sys.stderr) as bar:
            for step in runs:
                bar.total = step.total
                bar.update(step.done - bar.n)
    found = list(rows)
    write_rows(options.out / "shipped.csv", [{k: v for k, v in r.items() if k != "seconds"} for r in found])
    with written_whole(options.out / "shipped.md") as path:
        path.write_text(shipped_report(found), encoding="utf-8")


if __name__ == "__main__":
    main()
