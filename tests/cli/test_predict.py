from __future__ import annotations

import gc
import shutil
import weakref

import pytest

from napari_osuda.cli.commands import main


@pytest.fixture
def patients(patient, tmp_path):
    """Three patients of a hospital; the images of the second one are cut short."""
    folders = [tmp_path / f"sub-0{n}" / "ses-1" for n in (1, 2, 3)]
    for folder in folders:
        shutil.copytree(patient, folder)
    file = folders[1] / "p7_t1.nii.gz"
    file.write_bytes(file.read_bytes()[:200])
    return folders


def predict(model, patients, out, *more) -> int:
    cases = [str(folder) for folder in patients]
    return main(["predict", "--model", str(model), "--case", *cases, "--out", str(out), *more])


def test_one_that_fails_stops_nobody(model, patients, tmp_path, capsys):
    out = tmp_path / "masks"
    assert predict(model, patients, out) == 1
    told = capsys.readouterr()
    assert sorted(path.name for path in out.iterdir()) == ["sub-01_ses-1.nii.gz", "sub-03_ses-1.nii.gz"]
    assert "sub-02_ses-1: " in told.err
    assert "p7_t1.nii.gz" in told.err
    assert "2 of 3 cases segmented; 1 failed (sub-02_ses-1)." in told.err
    assert "3 of 3: sub-03_ses-1" in told.err
    assert "Traceback" not in told.err


def test_existing_masks_are_skipped_or_refused(model, patients, tmp_path, capsys):
    out = tmp_path / "masks"
    assert predict(model, patients[:1], out, "--quiet") == 0
    (mask,) = out.iterdir()
    before = mask.stat().st_mtime_ns
    assert predict(model, [patients[0], patients[2]], out) == 1
    assert "would be overwritten" in capsys.readouterr().err
    assert predict(model, [patients[0], patients[2]], out, "--skip-existing") == 0
    assert "1 of 2 cases segmented; 1 skipped." in capsys.readouterr().err
    assert mask.stat().st_mtime_ns == before


def test_the_precision_is_the_one_that_is_asked_for(model, patients, tmp_path, monkeypatch):
    import napari_osuda.session

    asked, predicted = [], napari_osuda.session.predict_case

    def watched(*args, precision, **kwargs):
        asked.append(precision)
        return predicted(*args, precision=precision, **kwargs)

    monkeypatch.setattr(napari_osuda.session, "predict_case", watched)
    for n, given in enumerate(((), ("--precision", "float32"))):
        assert predict(model, patients[:1], tmp_path / str(n), "--quiet", *given) == 0
    assert asked == ["auto", "float32"]


def test_one_case_is_held_at_a_time(model, patients, tmp_path, monkeypatch):
    from napari_osuda.imaging import reading

    held = []
    read = reading.read_case

    def watched(*args, **kwargs):
        gc.collect()
        assert not any(case() is not None for case in held), "an earlier case is still held"
        case = read(*args, **kwargs)
        held.append(weakref.ref(case))
        return case

    monkeypatch.setattr("napari_osuda.imaging.read_case", watched)
    assert predict(model, [patients[0], patients[2]], tmp_path / "masks", "--quiet") == 0
    assert len(held) == 2


def test_two_of_one_name_are_refused(model, patient, tmp_path, capsys):
    assert predict(model, [patient, patient], tmp_path / "masks") == 1
    assert "Two cases are called 'Patient 7'" in capsys.readouterr().err
    assert not (tmp_path / "masks").exists()
