"""What ``napari-osuda bench --comparators`` runs and writes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from napari_osuda.benchmark.bench import METHODS, BenchSeries, Done, choose
from napari_osuda.benchmark.comparators.report import comparators_report
from napari_osuda.benchmark.comparators.settings import COMPARATORS, SETTINGS
from napari_osuda.benchmark.comparators.trials import Tell, comparator_rows, run_comparators
from napari_osuda.benchmark.protocols import Catalog, Protocol
from napari_osuda.benchmark.store import Rows
from napari_osuda.files import written_whole

__all__ = ["Comparison", "chosen"]


def chosen(
    only: Collection[str], catalog: Catalog
) -> tuple[tuple[Protocol, ...], tuple[str, ...], tuple[str, ...]]:
    """Protocols, methods of the bench, and comparators that names stand for.

    Where none of a kind is named, these are the catalog's protocols for comparators, OSUDA alone, and all
    comparators.

    Parameters
    ----------
    only : collection of str
    catalog : Catalog
        Of the data in hand.

    Raises
    ------
    ConfigError
        A name is unknown.
    """
    wanted = tuple(dict.fromkeys(name for name in only if name in COMPARATORS))
    others = [name for name in only if name not in COMPARATORS]
    protocols, methods = choose(others, catalog)
    if not any(name in catalog.protocols or name in catalog.groups for name in others):
        protocols = catalog.compared
    if not any(name in METHODS for name in others):
        methods = ("osuda",)
    return protocols, methods, wanted or COMPARATORS


@dataclass
class Comparison:
    """The comparators of a bench.

    Attributes
    ----------
    names : tuple of str
        Of `COMPARATORS`.
    size : {"small", "full"}
        Of `SETTINGS`.
    out : Path
        The bench's folder: gets ``comparators.csv``, ``comparators.md`` and the trained networks.
    regions : tuple of str
        What is scored.
    rows : Rows
        What has been run.
    """

    names: tuple[str, ...]
    size: str
    out: Path
    regions: tuple[str, ...]
    rows: Rows = field(init=False)

    def __post_init__(self) -> None:
        self.rows = comparator_rows(self.out / "comparators.csv", self.regions)

    def run(self, series: Sequence[BenchSeries], seed: int, device: str, tell: Tell) -> Iterator[Done]:
        """Run what has not been run, with one seed (`run_comparators`)."""
        setting = replace(SETTINGS[self.size], seed=seed)
        kept = self.out / "comparators"
        return run_comparators(series, self.rows, self.names, setting, kept, device, tell)

    def write(self, bench: Rows, origin: str, catalog: Catalog) -> str:
        """Write the page of the comparators beside the bench's methods, and give it."""
        page = comparators_report(
            bench, self.rows, origin=f"Patients: {origin}.", protocols=catalog.protocols
        )
        with written_whole(self.out / "comparators.md") as partial:
            partial.write_text(page, encoding="utf-8")
        return page
