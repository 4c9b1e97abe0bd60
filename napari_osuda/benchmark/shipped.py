"""Every method on the patients that are shipped: what a user sees who presses Adapt on a sample."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from napari_osuda.benchmark.bench import BenchSeries
from napari_osuda.benchmark.patients import VALIDATION, Patient, class_shares, simulated_patient
from napari_osuda.benchmark.protocols import PROTOCOLS, Protocol
from napari_osuda.benchmark.tables import by_columns, markdown_table, outcome_of
from napari_osuda.benchmark.trials import guarded, number, present_regions
from napari_osuda.imaging import read_case, read_labels
from napari_osuda.models import load_model
from napari_osuda.simulation.shipped import SamplePatient, sample_models, sample_patients

__all__ = ["SHIPPED_METHODS", "shipped_report", "shipped_series"]

SHIPPED_METHODS = (
    "source-only", "osuda", "osuda-paper", "osuda-ac", "osuda-se", "adabn", "norm-prior", "tent", "dua",
    "osuda-mc", "cruda", "contrast-only",
)  # fmt: skip

_TARGETS = (
    ("low-grade", "high-to-low-grade"),
    ("high-grade-other-contrasts", "t2-to-flair"),
    ("high-grade-other-contrasts", "t2-to-t1"),
    ("high-grade-other-contrasts", "t2-to-t1ce"),
    ("high-grade-other-scanner", "other-scanner"),
)


def shipped_series() -> list[BenchSeries]:
    """The shipped targets, each under the protocol that it belongs to."""
    patients = sample_patients()
    return [_series(patients[name], name, PROTOCOLS[protocol]) for name, protocol in _TARGETS]


def _series(sample: SamplePatient, name: str, protocol: Protocol) -> BenchSeries:
    model = partial(load_model, sample_models()[protocol.model])

    def ratio() -> tuple[float, ...]:
        others = (simulated_patient(protocol, seed) for seed in VALIDATION[:2])
        return class_shares(others, model().card)

    return BenchSeries(protocol, model, (name,), lambda _: _read(sample, name, protocol), ratio)


def _read(sample: SamplePatient, name: str, protocol: Protocol) -> Patient:
    files = {channel: sample.images[contrast] for channel, contrast in protocol.images.items()}
    case = read_case(files, tuple(files), name=name)
    return Patient(name, case, read_labels(sample.reference)[0])


def shipped_report(rows: Sequence[dict[str, str]]) -> str:
    """The results on the shipped targets, as a page of Markdown.

    Parameters
    ----------
    rows : sequence of dict
        Of `bench_rows`, filled by `run_bench` on `shipped_series`.
    """
    parts = [
        "# The shipped targets",
        "Made by `make pictures`. The targets and the settings were chosen before these results were seen: "
        "the targets by their seeds, the settings on other patients ([defaults](../defaults.md)). The "
        "guard's present score came later, chosen on other patients as well.",
        "Dice is the adapted mask's against the source model's; *harm* is a loss of more than 0.01, *gain* "
        "a gain of more than 0.01. *Guarded* is the mask of a user who follows the guard, which sees no "
        "reference. HD95 in mm; *none* where one mask is empty. `cruda` is told the class ratio of other "
        "patients of the same kind, which the other methods do without.",
    ]
    for (protocol, patient), group in by_columns(rows, "protocol", "patient").items():
        title = PROTOCOLS[protocol].title if protocol in PROTOCOLS else protocol
        parts += [f"## {title} ({patient})", _table(group), _in_words(group)]
    return "\n\n".join(parts) + "\n"


def _table(rows: Sequence[dict[str, str]]) -> str:
    lines = []
    for row in rows:
        for region in present_regions([row]):
            before, after = (number(row, f"dice_{when}_{region}") for when in ("before", "after"))
            kept = guarded(row, "dice", region)
            lines.append(
                [
                    row["method"],
                    region,
                    *(_figure(v, ".3f") for v in (before, after)),
                    row["outcome"] if before is None or after is None else outcome_of(before, after),
                    row["decision"],
                    _figure(kept, ".3f"),
                    *(_figure(number(row, f"hd95_{when}_{region}"), ".1f") for when in ("before", "after")),
                ]
            )
    header = ("method", "region", "before", "after", "in a word", "guard", "guarded")
    return markdown_table((*header, "HD95 before", "HD95 after"), lines)


def _in_words(rows: Sequence[dict[str, str]]) -> str:
    """What OSUDA did, said as it is."""
    row = next((r for r in rows if r["method"] == "osuda"), None)
    if row is None:
        return ""
    said = []
    for region in present_regions([row]):
        before, after = (number(row, f"dice_{when}_{region}") for when in ("before", "after"))
        if before is None or after is None:
            continue
        word = {"harm": "harms", "gain": "helps", "no change": "changes little for"}[
            outcome_of(before, after)
        ]
        said.append(f"OSUDA {word} {region} ({before:.3f} to {after:.3f})")
    return "; ".join(said) + f". The guard says **{row['decision']}**: {row['reasons']}"


def _figure(value: float | None, form: str) -> str:
    if value is None:
        return ""
    return "none" if value - value != 0 else format(value, form)
