"""What a cohort writes for others to read: a BIDS derivative dataset with two masks a session."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_osuda.files import csv_cell, path_inside, written_whole
from napari_osuda.models import ModelCard, SourceModel
from napari_osuda.session.cohort.dataset import Session
from napari_osuda.session.guard.wording import headline, pieces_words
from napari_osuda.session.run_folder.documents import plain
from napari_osuda.session.run_folder.record import AdviceRecord
from napari_osuda.version import __version__

__all__ = ["WRITTEN_MASKS", "describe_dataset", "mask_path", "write_mask"]

WRITTEN_MASKS = {"before": "before", "adapted": "after"}
"""What a mask is called in BIDS (``desc-before``), and in a run folder."""

_BIDS_VERSION = "1.10.0"
_HOME = "https://github.com/napari-osuda/napari-osuda"
_SAID = {
    "before": "Mask of the source model as it is.",
    "adapted": "Mask of the model after adaptation to this target (OSUDA, Liu et al., MICCAI 2021).",
}
# What of the output is no BIDS.
_IGNORED = "runs/\njobs/\ncohort.json\nresults.tsv\nreport.html\n"


def describe_dataset(out: Path, dataset: Path, model: SourceModel, method: str) -> None:
    """Write the files at the top of the derivatives: what they are, made by what, what the values mean."""
    made_by: dict[str, Any] = {"Name": "napari-osuda", "Version": __version__, "CodeURL": _HOME}
    # Which container it is, only who started it can say.
    image = os.environ.get("OSUDA_CONTAINER")
    if image:
        made_by["Container"] = {"Type": "docker", "Tag": image}
    description = {
        "Name": f"{model.card.name}, adapted by {method}",
        "BIDSVersion": _BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [made_by],
        "SourceDatasets": [{"URL": dataset.resolve().as_uri()}],
        "DatasetLinks": {"raw": dataset.resolve().as_uri()},
    }
    _write(out / "dataset_description.json", _json(description))
    _write(out / ".bidsignore", _IGNORED)
    _write(out / "dseg.tsv", _label_table(model.card))


def mask_path(session: Session, mask: str) -> Path:
    """Where a mask of a session lies in the derivatives."""
    names = [session.participant, *([session.session] if session.session else [])]
    return Path(*names, "anat", f"{'_'.join(names)}_desc-{mask}_dseg.nii.gz")


def write_mask(
    out: Path,
    session: Session,
    mask: str,
    made: Path,
    *,
    inputs: Mapping[str, Path],
    dataset: Path,
    advice: AdviceRecord | None,
    model: SourceModel,
    run: Path,
) -> Path:
    """Write a mask and its sidecar.

    Parameters
    ----------
    out : Path
        Of the derivatives.
    session : Session
    mask : {"before", "adapted"}
    made : Path
        The mask in the run folder; a file system that can lets both names stand for one file.
    inputs : mapping of str to Path
        The image of each channel, in order.
    dataset : Path
    advice : AdviceRecord or None
        What the guard recommends for this session.
    model : SourceModel
    run : Path
        The run folder.

    Returns
    -------
    Path
        Of the mask in ``out``.
    """
    place = mask_path(session, mask)
    path = path_inside(out, *place.parts)
    with written_whole(path) as partial:
        partial.unlink()
        try:
            os.link(made, partial)
        except OSError:
            shutil.copyfile(made, partial)
    sources = {channel: _uri(image, dataset) for channel, image in inputs.items()}
    sidecar = {
        "Description": _description(mask, 0 if advice is None else advice.removed),
        "Sources": list(dict.fromkeys(sources.values())),
        "SpatialReference": next(iter(sources.values())),
        "Channels": sources,
        "Model": {"Name": model.card.name, "SHA256": model.sha256},
        "Recommendation": _recommendation(advice),
        "Run": run.relative_to(out).as_posix(),
    }
    _write(path_inside(path.parent, path.name.removesuffix(".nii.gz") + ".json"), _json(sidecar))
    return place


def _description(mask: str, removed: int) -> str:
    if mask == "adapted" and removed:
        pieces = pieces_words(removed)
        return f"Mask of the source model without {pieces} that it does not find again in the rotated image."
    return _SAID[mask]


def _recommendation(advice: AdviceRecord | None) -> dict[str, Any] | None:
    if advice is None:
        return None
    return {
        "Decision": advice.decision,
        "Meaning": headline(advice.decision, advice.removed),
        "Reasons": list(advice.reasons),
        "Regions": {name: region.model_dump() for name, region in advice.regions.items()},
    }


def _uri(image: Path, dataset: Path) -> str:
    # Links are left as they are: in a DataLad dataset every image is one, to a store whose names say nothing.
    path = Path(os.path.abspath(image))
    try:
        return f"bids:raw:{path.relative_to(os.path.abspath(dataset)).as_posix()}"
    except ValueError:
        return path.as_uri()


def _label_table(card: ModelCard) -> str:
    rows = [
        f"{value}\t{csv_cell(' '.join(name.split()))}\t{card.color_of(value)}"
        for value, name in card.labels.items()
    ]
    return "index\tname\tcolor\n" + "".join(f"{row}\n" for row in rows)


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(plain(document), indent=1, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> None:
    """Write a text whole; not at all where it stands there already."""
    if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text:
        return
    with written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")
