from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest
from bids_parts import write_bids

from napari_osuda.errors import OutputError
from napari_osuda.method import AdaptationConfig
from napari_osuda.session.cohort.adapting import Adapting
from napari_osuda.session.cohort.plan import plan
from napari_osuda.session.cohort.record import Outcomes
from napari_osuda.session.cohort.running import run_jobs

SHORT = AdaptationConfig(iterations=2, batch_size=2, contrast="off")


def adapting(dataset, out, model, **changes):
    work = Adapting(dataset, out, model, SHORT.replace(**changes))
    work.prepare()
    return work


def test_a_patient_becomes_bids_derivatives(tmp_path, model):
    dataset, out = write_bids(tmp_path / "bids", ["01"], ["a", "b"]), tmp_path / "out"
    image = dataset / "sub-01" / "ses-b" / "anat" / "sub-01_ses-b_T2w.nii.gz"
    image.write_bytes(image.read_bytes()[:300])
    told = list(run_jobs(plan(dataset), adapting(dataset, out, model), Outcomes(out)))
    assert [one.state for one in told] == ["done", "failed"]
    assert "sub-01_ses-b_T2w.nii.gz" in str(told[1].outcome and told[1].outcome.error)

    description = json.loads((out / "dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative"
    assert description["GeneratedBy"][0]["Name"] == "napari-osuda"
    assert (out / "dseg.tsv").read_text().splitlines()[:2] == ["index\tname\tcolor", "0\tbackground\t" + (
        model.card.colours.get(0, "#999999"))]  # fmt: skip
    source = nib.load(dataset / "sub-01" / "ses-a" / "anat" / "sub-01_ses-a_T2w.nii.gz")
    for mask, kind in (("before", "before"), ("adapted", "after")):
        path = out / "sub-01" / "ses-a" / "anat" / f"sub-01_ses-a_desc-{mask}_dseg.nii.gz"
        written = nib.load(path)
        assert written.shape == source.shape
        np.testing.assert_allclose(written.affine, source.affine)
        own = out / "runs" / "sub-01_ses-a" / kind / "sub-01_ses-a.nii.gz"
        assert path.read_bytes() == own.read_bytes()
        sidecar = json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())
        assert sidecar["Sources"] == ["bids:raw:sub-01/ses-a/anat/sub-01_ses-a_T2w.nii.gz"]
        assert sidecar["Recommendation"]["Decision"] in ("accept", "keep-source", "neither")
        assert sidecar["Model"]["SHA256"] == model.sha256
    assert not (out / "runs" / "sub-01_ses-a" / "model").exists()
    assert (out / "runs" / "sub-01_ses-a" / "report.html").is_file()
    assert not (out / "sub-01" / "ses-b").exists()


def test_a_run_that_was_cut_off_goes_on(tmp_path, model, monkeypatch):
    dataset, out = write_bids(tmp_path / "bids", ["01"]), tmp_path / "out"
    work = adapting(dataset, out, model)
    (job,) = plan(dataset)

    def cut(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("napari_osuda.session.run.masks.Masks.judge_candidates", cut)
        patch.setattr("napari_osuda.session.run.masks.Masks.judge", cut)
        with pytest.raises(KeyboardInterrupt):
            list(run_jobs([job], work, Outcomes(out)))
    assert Outcomes(out).of(job) is None
    assert (out / "runs" / "sub-01" / "checkpoint").is_dir()
    (told,) = run_jobs([job], work, Outcomes(out))
    assert told.state == "done"
    assert "resumed" in (out / "runs" / "sub-01" / "run.log").read_text()


def test_masks_of_images_that_have_changed_do_not_stay(tmp_path, model):
    dataset, out = write_bids(tmp_path / "bids", ["01"]), tmp_path / "out"
    work = adapting(dataset, out, model)
    list(run_jobs(plan(dataset), work, Outcomes(out)))
    masks = sorted((out / "sub-01" / "anat").glob("*.nii.gz"))
    assert len(masks) == 2
    image = dataset / "sub-01" / "anat" / "sub-01_T2w.nii.gz"
    image.write_bytes(b"broken")
    (told,) = run_jobs(plan(dataset), work, Outcomes(out))
    assert told.state == "failed"
    assert not any(mask.exists() for mask in masks)


def test_an_output_is_of_one_model_and_one_way_of_adapting(tmp_path, model):
    dataset, out = write_bids(tmp_path / "bids", ["01"]), tmp_path / "out"
    adapting(dataset, out, model)
    adapting(dataset, out, model, threads=1)
    with pytest.raises(OutputError, match="holds a cohort with iterations=2"):
        adapting(dataset, out, model, iterations=3)
    with pytest.raises(OutputError, match="holds the images"):
        adapting(dataset, dataset, model)


def test_a_site_is_adapted_to_together_and_told_by_patient(tmp_path, model, capsys):
    from napari_osuda.cli.commands import main

    dataset, out = write_bids(tmp_path / "bids", ["01", "02"]), tmp_path / "out"
    (dataset / "participants.tsv").write_text("participant_id\tsite\nsub-01\tBern\nsub-02\tBern\n")
    command = [
        "cohort",
        str(dataset),
        str(out),
        "participant",
        "--model",
        str(model.path),
        "--together",
        "site",
    ]
    assert main([*command, "--set", "iterations=1", "batch_size=2", "contrast=off"]) == 0
    assert len(list((out / "runs").iterdir())) == 1
    assert main(["cohort", str(dataset), str(out), "group"]) == 0
    assert "2 of 2 sessions are segmented" in capsys.readouterr().out
    states = [line.split("\t")[:2] for line in (out / "participants.tsv").read_text().splitlines()[1:]]
    assert states == [["sub-01", "done"], ["sub-02", "done"]]
    assert main(["cohort", str(dataset), str(tmp_path / "none"), "group"]) == 1
    assert "holds no cohort yet" in capsys.readouterr().err
