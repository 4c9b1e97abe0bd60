"""A small BIDS dataset."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import nibabel as nib
import numpy as np
from session_parts import AFFINE, head

__all__ = ["write_bids"]


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
