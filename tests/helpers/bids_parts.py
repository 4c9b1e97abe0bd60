"""A small BIDS dataset, and work that stands in for adapting to it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import nibabel as nib
import numpy as np
from session_parts import AFFINE, head

from napari_osuda.errors import CaseError
from napari_osuda.session.cohort.record import CaseOutcome, InputFile

__all__ = ["Stub", "write_bids"]


def write_bids(
    root: Path, patients: Iterable[str], sessions: Iterable[str] = (), contrast: str = "T2w"
) -> Path:
    """Patients with one image a session, heads like those of the small model; each of another scale."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "dataset_description.json").write_text(json.dumps({"Name": "Small", "BIDSVersion": "1.10.0"}))
    for number, label in enumerate(patients):
        for session in sessions or (None,):
            names = [f"sub-{label}", *([f"ses-{session}"] if session else [])]
            folder = root.joinpath(*names, "anat")
            folder.mkdir(parents=True)
            image, _ = head(shape=(24, 26, 5), seed=number)
            image = np.where(image != 0, image * (1 + number % 3) + 10, 0).astype(np.float32)
            nib.save(nib.Nifti1Image(image, AFFINE), folder / f"{'_'.join(names)}_{contrast}.nii.gz")
    return root


class Stub:
    """Work that writes two small files a session, and fails for whom it is told to."""

    def __init__(self, out, failing=()):
        self.out, self.failing, self.seen = out, set(failing), []

    def __call__(self, job):
        self.seen.append(job.name)
        if job.name in self.failing:
            raise CaseError(f"{job.name} is broken.")
        cases = []
        for session in job.sessions:
            masks = {}
            for mask in ("before", "adapted"):
                path = self.out / f"{session.name}_{mask}.nii.gz"
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(b"mask")
                masks[mask] = path.name
            images = sorted(session.folder.rglob("*.nii.gz"))
            inputs = tuple(InputFile.of(image, None) for image in images)
            cases.append(
                CaseOutcome(
                    name=session.name,
                    participant=session.participant,
                    session=session.session,
                    inputs=inputs,
                    volumes_before={"WT": 1.0},
                    volumes_after={"WT": 2.0},
                    masks=masks,
                )
            )
        return tuple(cases)
