"""``napari-osuda bench --comparators``: methods that keep the source data, beside the others."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_osuda.errors import ConfigError
from napari_osuda.files import written_whole

if TYPE_CHECKING:
    from napari_osuda.benchmark.bench import BenchSeries, Done
    from napari_osuda.benchmark.protocols import Catalog, Protocol
    from napari_osuda.benchmark.store import Rows
    from napari_osuda.cli.bench_data import BenchData

__all__ = ["Comparison", "chosen", "comparison"]


def chosen(
    options: argparse.Namespace, catalog: Catalog
) -> tuple[tuple[Protocol, ...], tuple[str, ...], tuple[str, ...]]:
    """Protocols, methods of the bench, and comparators that the options name.

    With comparators, and none of a kind named, these are the catalog's protocols for them, OSUDA alone, and
    all comparators.

    Raises
    ------
    ConfigError
        A name is unknown, or one of a comparator without ``--comparators``.
    """
    from napari_osuda.benchmark.bench import METHODS, choose
    from napari_osuda.benchmark.comparators.settings import COMPARATORS

    wanted = tuple(dict.fromkeys(name for name in options.only if name in COMPARATORS))
    others = [name for name in options.only if name not in COMPARATORS]
    protocols, methods = choose(others, catalog)
    if options.comparators is None:
        if wanted:
            raise ConfigError(f"{wanted[0]} keeps source data: add --comparators small, or full.")
        return protocols, methods, ()
    if not any(name in catalog.protocols or name in catalog.groups for name in others):
        protocols = catalog.compared
    if not any(name in METHODS for name in others):
        methods = ("osuda",)
    return protocols, methods, wanted or COMPARATORS


@dataclass(frozen=True, eq=False)
class Comparison:
    """The comparators of a bench, ready to be run.

    Attributes
    ----------
    rows : Rows
    steps : iterator of Done
    out : Path
    data : BenchData
    """

    rows: Rows
    steps: Iterator[Done]
    out: Path
    data: BenchData

    def write(self, bench: Rows) -> Path | None:
        """Write the page, where there is a row; its path."""
        from napari_osuda.benchmark.comparators.report import comparators_report

        if not len(self.rows):
            return None
        origin = f"Patients: {self.data.origin}."
        page = comparators_report(bench, self.rows, origin=origin, protocols=self.data.catalog.protocols)
        with written_whole(self.out / "comparators.md") as partial:
            partial.write_text(page, encoding="utf-8")
        return self.out / "comparators.md"


def comparison(
    options: argparse.Namespace, data: BenchData, series: Sequence[BenchSeries], names: Sequence[str]
) -> Comparison:
    """The comparators that ``--comparators`` asks for, with the first of the seeds."""
    from dataclasses import replace

    from tqdm import tqdm

    from napari_osuda.benchmark.comparators.settings import SETTINGS
    from napari_osuda.benchmark.comparators.trials import comparator_rows, run_comparators

    rows = comparator_rows(options.out / "comparators.csv", data.regions)
    setting = replace(SETTINGS[options.comparators], seed=options.seeds[0])
    folder = options.out / "comparators"

    def tell(text: str) -> None:
        tqdm.write(text, file=sys.stderr)

    steps = run_comparators(series, rows, names, setting, folder, options.device, tell)
    return Comparison(rows, steps, options.out, data)
