"""The guard's decisions made again from the figures that a row of the bench keeps.

``python -m napari_osuda.benchmark.guard.decisions docs/results/bench.csv`` writes them, so that a change
of the guard costs no new run of the bench.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_osuda.benchmark.protocols import PROTOCOLS
from napari_osuda.benchmark.real.protocols import HIPPOCAMPUS, LGG
from napari_osuda.evaluation import write_rows
from napari_osuda.imaging.modalities import modality_of
from napari_osuda.method import PRESETS, preset
from napari_osuda.session.guard.reasons import reasons_of
from napari_osuda.session.guard.recommendation import decision_of
from napari_osuda.session.guard.signals import WHOLE, Evidence, Signals
from napari_osuda.session.guard.verdict import Verdict, verdict
from napari_osuda.session.guard.wording import sentence
from napari_osuda.session.job import Contrast

__all__ = ["contrast_of", "decided_again", "main"]


def decided_again(row: Mapping[str, str]) -> dict[str, str]:
    """A row with the decision and the reasons that the guard gives today.

    Parameters
    ----------
    row : mapping
        Of `bench_rows`. Rows without figures (nothing was adapted), and those whose mask was refused on
        sight, are left as they are.

    Returns
    -------
    dict
        Without a decision where the row lacks a figure that the guard has begun to use since.
    """
    kept: dict[str, Any] = json.loads(row["signals"]) if row.get("signals") else {"faulty": True}
    if kept["faulty"]:
        return dict(row)
    evidence = _evidence(kept["before"]), _evidence(kept["after"])
    contrast = kept.get("contrast") or contrast_of(row["protocol"], preset(row["method"]).contrast != "off")
    # Rows that do not tell are older than the rule.
    class_ratio_given = kept.get(
        "class_ratio_given", kept.get("told_ratio", PRESETS[row["method"]].assumes_ratio)
    )
    found = verdict(*evidence, contrast, class_ratio_given=class_ratio_given)
    if not _told(evidence, found, contrast):
        return {**row, "decision": "", "reasons": ""}
    reasons = [sentence(reason) for reason in reasons_of(evidence, found, contrast)]
    return {**row, "decision": decision_of(found), "reasons": " ".join(reasons)}


def _told(evidence: tuple[Evidence, Evidence], found: Verdict, contrast: Contrast | None) -> bool:
    """Whether the figures that a verdict rests on are there."""
    adapted = evidence[1]
    if found.nonsense:
        return contrast == "unchanged" or adapted[WHOLE].one_sided is not None
    if found.fault not in (None, "loses"):
        return True
    return all(signals.separation is not None for name, signals in adapted.items() if name != WHOLE)


def _evidence(kept: Mapping[str, Mapping[str, float]]) -> Evidence:
    return {region: Signals(**figures) for region, figures in kept.items()}


def contrast_of(protocol: str, converted: bool) -> Contrast | None:
    """What became of a protocol's contrast; None where it is the model's."""
    images = {**PROTOCOLS, **LGG, **HIPPOCAMPUS}[protocol].images
    if all(modality_of(channel) == modality_of(image) for channel, image in images.items()):
        return None
    return "converted" if converted else "unchanged"


def main(argv: Sequence[str] | None = None) -> int:
    """Make all decisions of a table again."""
    parser = argparse.ArgumentParser(
        prog="python -m napari_osuda.benchmark.guard.decisions", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("table", type=Path, help="bench.csv")
    path: Path = parser.parse_args(argv).table
    with open(path, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    again = [decided_again(row) for row in rows]
    write_rows(path, again)
    changed = sum(new["decision"] != old["decision"] for new, old in zip(again, rows, strict=True))
    sys.stdout.write(f"{changed} of {len(rows)} decisions are other ones now.\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
