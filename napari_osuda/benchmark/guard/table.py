"""Gathering the table that the guard is fitted on: ``python -m napari_osuda.benchmark.guard.table``.

For a patient of a protocol, a run with its intensities as they are and one through an intensity map where the
settings have one: all candidates' figures, and the Dice of each one's mask.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from napari_osuda.benchmark.guard.rows import GuardRow, read_rows, write_table
from napari_osuda.benchmark.patients import TUNING, Patient, simulated_patient
from napari_osuda.benchmark.protocols import PROTOCOLS
from napari_osuda.evaluation import dice
from napari_osuda.imaging import SliceStack
from napari_osuda.method import AdaptationConfig, adapt, preset
from napari_osuda.models import ModelCard, SourceModel, load_model
from napari_osuda.models.classes import region_labels
from napari_osuda.session.guard.evidence import Candidate, gathered, result_of
from napari_osuda.session.guard.passes import WHOLE
from napari_osuda.session.guard.statistics import SOURCE_SHARES, with_statistics
from napari_osuda.session.inference.prediction import predicted
from napari_osuda.session.job import Job
from napari_osuda.session.run.setup import Setup, set_up

__all__ = ["CONFIG", "rows_of_run"]

CONFIG: AdaptationConfig = preset("osuda").replace(second_look=False)
"""What runs are begun with."""
EARLIER = 3
"""Iterations of the earlier candidate."""


def rows_of_run(
    protocol: str, patient: Patient, model: SourceModel, config: AdaptationConfig
) -> Iterator[GuardRow]:
    """The rows of one run on one patient.

    Parameters
    ----------
    protocol : str
        Its name.
    patient : Patient
    model : SourceModel
    config : AdaptationConfig
        ``contrast`` tells whether the run has an intensity map.
    """
    setup, _ = set_up(Job(model, (patient.case,), config, references=(patient.reference,), device="cpu"))
    mixes = [_statistics(setup, setup.source, share) for share in SOURCE_SHARES]
    last, earlier = _trained(setup)
    mapped, card = setup.maps is not None, setup.card
    candidates = [
        Candidate("statistics", _statistics(setup, setup.source)),
        Candidate("adapted", last),
        Candidate("earlier", earlier),
    ]
    if mapped:
        candidates.append(Candidate("curve", setup.source))
    elif setup.is_mirrored:
        candidates.append(Candidate("mirror", setup.source))
    plain, stack = setup.plain[0], setup.target.stacks[0]
    evidence = result_of(gathered(setup.source, candidates, mixes, plain, stack, model.card, card))
    networks = {c.name: (c.network, stack, card) for c in candidates}
    for name, figures in evidence.items():
        network, seen, with_card = networks.get(name, (setup.source, plain, model.card))
        scores = _scores(network, seen, with_card, patient.reference)
        for region, measured_figures in figures.items():
            yield GuardRow(
                protocol=protocol, patient=patient.name, family="mapped" if mapped else "plain",
                region=region, candidate=name, dice=scores[region], figures=measured_figures,
            )  # fmt: skip


def _statistics(setup: Setup, network: nn.Module, share: float | None = None) -> nn.Module:
    job = setup.job
    found = result_of(with_statistics(network, setup.target, job.config, job.model.card, share))
    assert found is not None
    return found


def _trained(setup: Setup) -> tuple[nn.Module, nn.Module]:
    """After the last iteration, and after the earlier one."""
    adaptation = adapt(
        setup.source, setup.target, setup.job.config, activation=setup.job.model.card.activation
    )
    earlier = copy.deepcopy(adaptation.model)
    for _ in range(setup.job.config.iterations):
        if next(adaptation).t + 1 == EARLIER:
            earlier = copy.deepcopy(adaptation.model)
    adaptation.finish()
    # The statistics of the earlier one are the source's still.
    return adaptation.model, _statistics(setup, earlier)


def _scores(
    network: nn.Module, stack: SliceStack, card: ModelCard, reference: NDArray[Any]
) -> Mapping[str, float]:
    """Dice of each region of a network's mask."""
    *_, mask = predicted(network, stack, card)
    assert isinstance(mask, np.ndarray)
    regions = {WHOLE: tuple(v for v in card.labels if v != 0)} | region_labels(card)
    return {name: dice(np.isin(mask, values), np.isin(reference, values)) for name, values in regions.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what has not been measured yet."""
    from napari_osuda.simulation.shipped import sample_models

    parser = argparse.ArgumentParser(prog="python -m napari_osuda.benchmark.guard.table", description=__doc__)
    parser.add_argument("--patients", type=int, default=4, help=f"of {len(TUNING)} simulated ones")
    parser.add_argument("--lgg-root", type=Path, help="the LGG data set: patients for tuning")
    parser.add_argument("--hippocampus-root", type=Path, help="the Decathlon's hippocampi: some for tuning")
    parser.add_argument("--models", type=Path, help="trained by napari-osuda bench on these data")
    parser.add_argument("--out", type=Path, default=Path("docs/results/real/guard.csv"))
    options = parser.parse_args(argv)
    rows = list(read_rows(options.out)) if options.out.is_file() else []
    done = {(row.protocol, row.patient, row.family) for row in rows}
    for name, patient, model in _work(options, sample_models()):
        for contrast in ("off", "fitted"):
            family = "plain" if contrast == "off" else "mapped"
            if (name, patient.name, family) not in done:
                sys.stderr.write(json.dumps([name, patient.name, family]) + "\n")
                found = list(rows_of_run(name, patient, model, CONFIG.replace(contrast=contrast)))
                # Where no map is expected, there is nothing new to learn.
                rows += [row for row in found if row.family == family]
                write_table(options.out, rows)
    return 0


def _work(
    options: argparse.Namespace, samples: Mapping[str, Path]
) -> Iterator[tuple[str, Patient, SourceModel]]:
    for seed in TUNING[: options.patients]:
        for name, protocol in PROTOCOLS.items():
            yield name, simulated_patient(protocol, seed), load_model(samples[protocol.model])
    if options.lgg_root is not None:
        from napari_osuda.benchmark.real.lgg import find_lgg, lgg_patient
        from napari_osuda.benchmark.real.protocols import LGG, TUNING_SITE, lgg_parts

        for target in lgg_parts(find_lgg(options.lgg_root))["tuning"]:
            for name, lgg in LGG.items():
                if lgg.same_site == (target.site != TUNING_SITE):
                    yield name, lgg_patient(target, lgg.images), load_model(options.models / lgg.model)
    if options.hippocampus_root is not None:
        from napari_osuda.benchmark.real.decathlon import find_hippocampi
        from napari_osuda.benchmark.real.protocols import HIPPOCAMPUS, hippocampus_parts
        from napari_osuda.benchmark.real.series import shifted_hippocampus

        cases = hippocampus_parts(find_hippocampi(options.hippocampus_root))["tuning"]
        # Each protocol has patients of its own, as far as there are enough.
        for number, protocol in enumerate(HIPPOCAMPUS.values()):
            for turn in range(options.patients):
                case = cases[(number + turn * len(HIPPOCAMPUS)) % len(cases)]
                model = load_model(options.models / protocol.model)
                yield protocol.name, shifted_hippocampus(case, protocol), model


if __name__ == "__main__":
    raise SystemExit(main())
