"""What a bench runs on: simulated patients, or those of a public data set in a folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from napari_osuda.errors import ConfigError

if TYPE_CHECKING:
    from napari_osuda.benchmark.bench import BenchSeries
    from napari_osuda.benchmark.protocols import Catalog, Protocol

__all__ = ["BenchData", "bench_data", "tell"]

_ONLY_THERE = "comparators run on simulated patients and on the LGG data set"


@dataclass(frozen=True)
class BenchData:
    """Where a bench's patients come from.

    Attributes
    ----------
    catalog : Catalog
        What can be run on them.
    regions : tuple of str
        What is scored.
    origin : str
        Who they are, for the report.
    series : callable
        Makes protocols ready to be run.
    about : callable
        What else the report has to say of them, sentences each with a space after it.
    """

    catalog: Catalog
    regions: tuple[str, ...]
    origin: str
    series: Callable[[tuple[Any, ...]], list[BenchSeries]]
    about: Callable[[], str] = lambda: ""


def bench_data(options: argparse.Namespace) -> BenchData:
    """The data that the options of ``bench`` name; a folder is read when the series are made.

    Raises
    ------
    ConfigError
        An option does not go with these data.
    """
    if options.brats_root is not None:
        return _brats(options)
    if options.lgg_root is not None or options.hippocampus_root is not None:
        return _real(options)
    return _simulated(options)


def tell(text: str) -> None:
    """Say on stderr how far a training is, above the bar of progress."""
    from tqdm import tqdm

    tqdm.write(text, file=sys.stderr)


def _simulated(options: argparse.Namespace) -> BenchData:
    from napari_osuda.benchmark.bench import simulated_series
    from napari_osuda.benchmark.patients import TEST, TUNING
    from napari_osuda.benchmark.protocols import SIMULATED
    from napari_osuda.benchmark.trials import TUMOR_REGIONS

    _refuse(options, ("epochs", "models"), "there is nothing to train for simulated patients")
    seeds = TUNING if options.tuning else TEST
    patients = min(10, len(seeds)) if options.patients is None else options.patients
    if not 1 <= patients <= len(seeds):
        raise ConfigError(f"--patients is {patients}; it must be from 1 to {len(seeds)}.")
    skip, most = options.skip or 0, len(seeds) - patients
    if not 0 <= skip <= most:
        raise ConfigError(f"--skip is {skip}; with {patients} patients it must be from 0 to {most}.")
    chosen = seeds[skip : skip + patients]
    origin = (
        "simulated patients that the guard was tuned on, so no figure of it is a result"
        if options.tuning
        else "simulated patients that neither training nor the choice of settings has seen"
    )
    return BenchData(
        SIMULATED, TUMOR_REGIONS, origin, lambda protocols: [simulated_series(p, chosen) for p in protocols]
    )


def _brats(options: argparse.Namespace) -> BenchData:
    from napari_osuda.benchmark.brats.series import BRATS_RECIPE, brats_series
    from napari_osuda.benchmark.protocols import SIMULATED
    from napari_osuda.benchmark.trials import TUMOR_REGIONS

    _refuse(
        options, ("patients", "skip", "tuning"), "with --brats-root all test patients of the folder are run"
    )
    _refuse(options, ("models",), "models trained on BraTS are kept in --out")
    _refuse(options, ("comparators",), _ONLY_THERE)
    recipe = BRATS_RECIPE if options.epochs is None else replace(BRATS_RECIPE, epochs=options.epochs)

    def series(protocols: tuple[Protocol, ...]) -> list[BenchSeries]:
        return brats_series(
            options.brats_root, options.out, protocols, options.split_seed, recipe, tell=tell,
            device=options.device,
        )  # fmt: skip

    origin = f"BraTS folder, split by patient with seed {options.split_seed}"
    return BenchData(SIMULATED, TUMOR_REGIONS, origin, series)


def _real(options: argparse.Namespace) -> BenchData:
    from napari_osuda.benchmark.real import protocols as real
    from napari_osuda.benchmark.real.lgg import SPACING_NOTE
    from napari_osuda.benchmark.real.report import sources_in_words
    from napari_osuda.benchmark.real.series import RealBench, hippocampus_series, lgg_series

    for option, least in (("patients", 1), ("skip", 0)):
        value = getattr(options, option)
        if value is not None and value < least:
            raise ConfigError(f"--{option} is {value}; it must be {least} or more.")
    gliomas = options.lgg_root is not None
    if not gliomas:
        _refuse(options, ("comparators",), _ONLY_THERE)
    models = options.models or options.out / "models"
    setup = RealBench(
        root=options.lgg_root if gliomas else options.hippocampus_root,
        out=options.out,
        models=models,
        part="tuning" if options.tuning else "judging",
        skip=options.skip or 0,
        count=options.patients,
        epochs=options.epochs,
        tell=tell,
        device=options.device,
    )
    catalog, regions, make, name = (
        (
            real.LGG_CATALOG,
            real.LGG_REGIONS,
            lgg_series,
            "the LGG segmentation data set (Buda et al., 2019)",
        )
        if gliomas
        else (
            real.HIPPOCAMPUS_CATALOG,
            real.HIPPOCAMPUS_REGIONS,
            hippocampus_series,
            "the Medical Segmentation Decathlon's hippocampi",
        )
    )
    whose = (
        "patients that settings were chosen on, so no figure is a result"
        if options.tuning
        else "patients that neither training nor the choice of settings has seen"
    )
    spacing = f"{SPACING_NOTE} " if gliomas else ""
    return BenchData(
        catalog,
        tuple(regions),
        f"{name}: {whose}",
        lambda protocols: make(setup, protocols),
        lambda: sources_in_words(models) + spacing,
    )


def _refuse(options: argparse.Namespace, names: tuple[str, ...], why: str) -> None:
    """Refuse options that would choose nothing."""
    values = {name: getattr(options, name) for name in names}
    given = [f"--{name}" for name, value in values.items() if value is not None and value is not False]
    if given:
        raise ConfigError(
            f"{' and '.join(given)} would choose nothing, since {why}: leave out the one or the other."
        )
