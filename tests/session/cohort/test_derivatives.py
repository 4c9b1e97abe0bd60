from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from napari_osuda.session.cohort.dataset import Session
from napari_osuda.session.cohort.derivatives import describe_dataset, mask_path, write_mask
from napari_osuda.session.run_folder.record import AdviceRecord, ReasonRecord


def test_masks_are_where_bids_has_them(tmp_path):
    one = Session("sub-01", "ses-1", tmp_path / "sub-01" / "ses-1")
    assert mask_path(one, "before").as_posix() == "sub-01/ses-1/anat/sub-01_ses-1_desc-before_dseg.nii.gz"
    flat = Session("sub-01", None, tmp_path / "sub-01")
    assert mask_path(flat, "adapted").as_posix() == "sub-01/anat/sub-01_desc-adapted_dseg.nii.gz"


@pytest.fixture
def written(tmp_path, model):
    """Writes the mask of an image that is a link into a store, as DataLad has it."""
    dataset, out, store = (
        tmp_path / "bids",
        tmp_path / "out",
        tmp_path / "bids" / ".git" / "annex" / "x.nii.gz",
    )
    image = dataset / "sub-01" / "anat" / "sub-01_T2w.nii.gz"
    image.parent.mkdir(parents=True)
    store.parent.mkdir(parents=True)
    store.write_bytes(b"image")
    try:
        image.symlink_to(store)
    except OSError:
        pytest.skip("no links here")
    made = out / "runs" / "sub-01" / "after" / "sub-01.nii.gz"
    made.parent.mkdir(parents=True)
    made.write_bytes(b"mask")
    session = Session("sub-01", None, dataset / "sub-01")

    def write(advice: AdviceRecord | None = None) -> Path:
        return out / write_mask(
            out, session, "adapted", made, inputs={"t2": image}, dataset=dataset, advice=advice, model=model,
            run=out / "runs" / "sub-01",
        )  # fmt: skip

    return write


def test_the_sidecar_names_the_image_and_not_what_a_link_leads_to(written):
    path = written()
    assert path.read_bytes() == b"mask"
    sidecar = json.loads(path.with_name("sub-01_desc-adapted_dseg.json").read_text())
    assert sidecar["SpatialReference"] == "bids:raw:sub-01/anat/sub-01_T2w.nii.gz"
    assert sidecar["Run"] == "runs/sub-01"
    assert sidecar["Recommendation"] is None


def test_the_sidecar_of_a_reduced_mask_does_not_call_it_adapted(written):
    evidence = (ReasonRecord(kind="removed", figures={"pieces": 2}),)
    path = written(AdviceRecord(decision="accept", evidence=evidence))
    sidecar = json.loads(path.with_name("sub-01_desc-adapted_dseg.json").read_text())
    assert "without 2 pieces" in sidecar["Description"]
    assert sidecar["Recommendation"]["Meaning"] == "Use the reduced mask (the original, 2 pieces removed)"


def test_a_file_system_without_second_names_gets_a_copy(written, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError("not here")

    monkeypatch.setattr(os, "link", refuse)
    assert written().read_bytes() == b"mask"


def test_the_description_is_written_once(tmp_path, model):
    out = tmp_path / "out"
    describe_dataset(out, tmp_path, model, "osuda")
    files = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert {path.name for path in files} == {"dataset_description.json", ".bidsignore", "dseg.tsv"}
    describe_dataset(out, tmp_path, model, "osuda")
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == files


def test_names_of_labels_are_cells_and_no_formulas(tmp_path, model):
    labels = {0: "background", 1: "=1+1\t#000000\n2"}
    evil = dataclasses.replace(model, card=model.card.model_copy(update={"labels": labels}))
    describe_dataset(tmp_path / "out", tmp_path, evil, "osuda")
    rows = (tmp_path / "out" / "dseg.tsv").read_text(encoding="utf-8").splitlines()
    assert [row.split("\t")[:2] for row in rows[1:]] == [["0", "background"], ["1", "'=1+1 #000000 2"]]
