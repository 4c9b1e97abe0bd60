"""A small case to review, and the run folder it lies in."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
from hypothesis import strategies as st

from napari_osuda.imaging import Grid, write_labels
from napari_osuda.session.review.case import ReviewCase
from napari_osuda.session.review.log import PLANES
from napari_osuda.session.review.review import Review

SHAPE = (6, 5, 4)
# Axes L, A, S: what runs along them is told apart by its direction, its spacing and its length.
AFFINE = np.diag([-2.0, 1.5, 3.0, 1.0])
LABELS = {0: "background", 1: "core", 3: "edema"}
COLORS = {1: "#56b4e9", 3: "#e69f00"}


def masks(shape: tuple[int, int, int] = SHAPE, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    before, after = (rng.choice(np.array([0, 1, 3], np.uint8), shape, p=[0.5, 0.3, 0.2]) for _ in range(2))
    before[..., 0] = after[..., 0] = 0
    return before, after


def review_case(decision: str | None = "accept", **changes: object) -> ReviewCase:
    before, after = masks()
    values: dict = {
        "name": "case", "before": before, "after": after, "grid": Grid(SHAPE, AFFINE),
        "labels": LABELS, "colors": COLORS, "decision": decision,
    }  # fmt: skip
    return ReviewCase(**{**values, **changes})


def write_run(folder: Path, names: tuple[str, ...] = ("case",), shape: tuple[int, int, int] = SHAPE) -> Path:
    """A run folder as the session leaves it, as far as a review needs it."""
    grid = Grid(shape, AFFINE)
    cases = []
    for seed, name in enumerate(names):
        before, after = masks(shape, seed)
        image = np.random.default_rng(seed).normal(100, 10, shape).astype(np.float32)
        path = folder.parent / f"{name}_flair.nii.gz"
        nib.save(nib.Nifti1Image(image, AFFINE), path)
        write_labels(folder / "before" / f"{name}.nii.gz", before, grid)
        write_labels(folder / "after" / f"{name}.nii.gz", after, grid)
        cases.append(
            {
                "name": name,
                "inputs": [
                    {
                        "channel": "flair",
                        "path": str(path),
                        "sha256": None,
                        "shape": list(shape),
                        "affine": AFFINE.tolist(),
                    }
                ],
                "recommendation": {"decision": "accept", "reasons": ["The two masks agree."]},
                "scores_before": {},
                "scores_after": {},
            }
        )
    card = {
        "name": "Two labels", "plane": "axial", "regions": {"WT": [1, 3]},
        "labels": {str(k): v for k, v in LABELS.items()}, "colours": {str(k): v for k, v in COLORS.items()},
    }  # fmt: skip
    record = {
        "version": "0.1.0", "method": "osuda", "config": {"iterations": 2}, "device": "cpu",
        "started": "2026-01-01T00:00:00+00:00", "ended": "2026-01-01T00:01:00+00:00", "outcome": "done",
        "error": None, "notes": [], "iterations_done": 0, "recommendation": cases[0]["recommendation"],
        "model": {"path": "model", "sha256": "0" * 64, "card": card}, "cases": cases,
        "libraries": {"python": "3.11"},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


AXES = {"sagittal": 0, "coronal": 1, "axial": 2}


@st.composite
def acts(draw) -> list[tuple]:
    """Decisions, edits, flags, undos and redos in any order."""
    made = []
    for _ in range(draw(st.integers(0, 14))):
        kind = draw(st.sampled_from(["after", "before", "edited", "flag", "unflag", "undo", "undo", "redo"]))
        plane = draw(st.sampled_from([*PLANES, None] if kind != "edited" else PLANES))
        count = 0 if plane is None else SHAPE[AXES[plane]]
        indices = draw(st.sets(st.integers(0, count - 1), min_size=1, max_size=3)) if plane else set()
        made.append((kind, plane, sorted(indices), draw(st.integers(0, 3))))
    return made


def act(review: Review, kind: str, plane: str | None, slices: list[int], value: int) -> None:
    if kind in ("after", "before"):
        review.decide(kind, plane, slices)
    elif kind == "edited":
        target = np.moveaxis(review.final, AXES[plane], 0)
        target[slices, 1:3, :2] = value
        review.commit_edit(plane)
    elif kind in ("flag", "unflag"):
        review.set_flag(kind == "flag", plane, slices, "look")
    else:
        getattr(review, kind)()
