"""Run folders that came by mail: nothing is written outside them, and none takes all memory or time."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from napari_osuda.errors import CaseError, OsudaError, OutputError
from napari_osuda.method import preset
from napari_osuda.session import adapt_case
from napari_osuda.session.review.record import recorded_decisions
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.session.review.saving import save_review
from napari_osuda.session.run_folder.arrays import read_arrays
from napari_osuda.session.run_folder.record import read_record
from napari_osuda.session.run_folder.steps import read_curves

CONFIG = preset("osuda", iterations=1, batch_size=4)


@pytest.fixture(scope="module")
def finished(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import nibabel as nib
    from session_parts import AFFINE, head

    from napari_osuda.imaging import read_case
    from napari_osuda.models import load_model

    place = tmp_path_factory.mktemp("finished")
    nib.save(nib.Nifti1Image(head(seed=2)[0], AFFINE), place / "patient_t2.nii.gz")
    model = load_model(model_folder)
    case = read_case(place / "patient_t2.nii.gz", model.card.channels)
    adapt_case(model, case, CONFIG, out=place / "run")
    return place / "run"


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(finished, tmp_path / "mailed" / "run"))


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    (tmp_path / "canary").write_text("untouched")
    return tmp_path / "canary"


def _reviewed(folder: Path) -> None:
    run = ReviewRun.of_folder(folder)
    review = run.review("patient_t2")
    review.decide("before", "axial", [2])
    review.final[..., 3] = 3
    review.commit_edit("axial")
    save_review(run, "patient_t2", "A. Reader")


@pytest.mark.parametrize("name", ["final", "review_edits"])
def test_a_review_follows_no_link_out_of_its_folder(folder: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="leads out of the folder"):
        _reviewed(folder)
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("make", [os.symlink, os.link], ids=["link", "hard link"])
@pytest.mark.parametrize("name", ["review.json", "final/patient_t2.nii.gz", "final/patient_t2-slices.csv"])
def test_what_a_link_leads_to_is_never_written(folder: Path, canary: Path, make, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).unlink(missing_ok=True)
    make(canary, folder / name)
    try:
        _reviewed(folder)
    except OsudaError:
        (folder / name).unlink()
        _reviewed(folder)
    assert canary.read_text() == "untouched"
    assert not (folder / name).is_symlink()


@pytest.mark.parametrize("name", [".lock", ".review.lock"])
def test_a_lock_that_is_a_link_is_not_followed(folder: Path, canary: Path, model, case, name: str) -> None:
    (folder / name).symlink_to(canary)
    if name == ".lock":
        for left in [p for p in folder.rglob("*") if p.is_file() and p.name != ".lock"]:
            left.unlink()
        with pytest.raises(OsudaError):
            adapt_case(model, case, CONFIG, out=folder)
    else:
        with pytest.raises(OutputError):
            _reviewed(folder)
    assert canary.read_text() == "untouched"


def _npz(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)


def _npy(shape: tuple[int, ...], descr: str = "<f4", content: bytes = b"") -> bytes:
    head = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    head += b" " * (63 - (len(head) + 10) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + content


def _objects() -> bytes:
    class Canary:
        def __reduce__(self):
            return (os.system, ("echo ran > /tmp/osuda-canary",))

    stream = io.BytesIO()
    np.save(stream, np.array([Canary()], object), allow_pickle=True)
    return stream.getvalue()


ARRAYS = {
    "a shape of 4 GB": lambda: _npy((10**9,), content=bytes(40)),
    "a shape beyond memory": lambda: _npy((10**14,)),
    "a negative shape": lambda: _npy((-5, 3)),
    "an object": _objects,
    "zeros without end": lambda: _npy((2**25,), content=bytes(2**27)),
    "no array": lambda: b"junk",
    "another type": lambda: _npy((3,), "V8", bytes(24)),
}


@pytest.mark.posix
@pytest.mark.parametrize("kind", list(ARRAYS))
def test_arrays_that_are_none(folder: Path, kind: str) -> None:
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    content = ARRAYS[kind]()
    _npz(
        folder / "channels.npz",
        **dict.fromkeys(("distance", "alpha", "layer_names", "layer_offsets"), content),
    )
    with pytest.raises(CaseError, match=r"channels\.npz is damaged"):
        read_curves(folder)
    (folder / "review_edits").mkdir(exist_ok=True)
    _npz(folder / "edit.npz", labels=content)
    if kind != "another type":
        with pytest.raises((ValueError, OSError)):
            read_arrays(folder / "edit.npz")
    assert not Path("/tmp/osuda-canary").exists()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 700 * 1024


def test_honest_arrays_are_read(folder: Path) -> None:
    arrays = read_arrays(folder / "channels.npz")
    assert arrays["distance"].shape == arrays["alpha"].shape
    assert read_curves(folder).distance is not None


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("{", "[" * 100_000, 1),
        lambda text: text.replace('"iterations_done": 1', '"iterations_done": NaN'),
        lambda text: text.replace('"iterations_done": 1', '"iterations_done": 1' + "0" * 5000),
        lambda text: text.replace('"cases"', '"cases": 5, "cases_"'),
        lambda text: text + " " * (65 * 2**20),
        lambda text: text.replace("{", '{"more": [' + "{}," * 600_000 + "{}],", 1),
        lambda text: "\ufeff" + text,
        lambda text: text.encode("utf-16"),
        lambda text: b"\xff" + text.encode(),
    ],
    ids=["deep", "nan", "digits", "key", "long", "parts", "mark", "utf-16", "bytes"],
)
def test_documents_that_are_none(folder: Path, change) -> None:
    text = (folder / "run.json").read_text(encoding="utf-8")
    changed = change(text)
    (folder / "run.json").write_bytes(changed if isinstance(changed, bytes) else changed.encode())
    with pytest.raises(CaseError, match="cannot be read as the record of a run"):
        read_record(folder)


def test_texts_of_a_stranger_can_be_shown(folder: Path) -> None:
    document = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    evil = "\x1b[31mred\u202etxt.exe\ud800\x07"
    document["model"]["card"]["name"] = evil
    document["model"]["card"]["labels"] = {"0": "background", "3": evil}
    document["cases"][0]["inputs"][0]["title"] = evil
    document["cases"][0]["inputs"][0]["channel"] = evil
    document["notes"], document["note_kinds"] = [evil], ["other"]
    document[evil] = evil
    (folder / "run.json").write_text(json.dumps(document), encoding="utf-8")
    record = read_record(folder)
    assert "\\x1b[31mred\\u202etxt.exe\\ud800\\x07" in (record.model.card.name, record.notes[0])
    assert repr(record).isprintable()
    record.model_dump_json()
    # What languages need stays.
    document["notes"] = ["\u200fشرح\u200c و\u00a0病変\n"]
    (folder / "run.json").write_text(json.dumps(document), encoding="utf-8")
    assert read_record(folder).notes == ("\u200fشرح\u200c و\u00a0病変\n",)


@pytest.mark.posix
@pytest.mark.parametrize("content", [None, b"", b"[" * 10**6, b"{}", b'{"cases": {"a": {"log": [{}]}}}'])
def test_a_review_that_is_none_counts_no_decision(folder: Path, content: bytes | None) -> None:
    if content is None:
        os.mkfifo(folder / "review.json")
    else:
        (folder / "review.json").write_bytes(content)
    assert recorded_decisions(folder) == 0
    with pytest.raises(CaseError):
        ReviewRun.of_folder(folder)


def test_painted_slices_that_are_no_labels(folder: Path) -> None:
    _reviewed(folder)
    (file,) = (folder / "review_edits").iterdir()
    shape = read_arrays(file)["labels"].shape
    for wrong in (np.full(shape, 0.5), np.full(shape, "a"), np.zeros((0, *shape[1:]), np.uint8)):
        np.savez_compressed(file, labels=wrong)
        try:
            assert ReviewRun.of_folder(folder).review("patient_t2").final.dtype.kind in "iu"
        except CaseError:
            continue


@pytest.mark.posix
@pytest.mark.parametrize("most", [3_000, 30_000])
def test_a_limit_on_the_size_of_files_is_a_sentence(model, case, tmp_path: Path, most: int) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        with pytest.raises(OsudaError) as refused:
            adapt_case(model, case, CONFIG, out=tmp_path / "run")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "unexpected" not in str(refused.value)
    assert not list((tmp_path / "run").rglob(".partial-*"))


def test_an_uncertainty_of_another_image(folder: Path) -> None:
    import nibabel as nib

    nib.save(
        nib.Nifti1Image(np.zeros((3, 3, 3), np.float32), np.eye(4)), folder / "uncertainty/patient_t2.nii.gz"
    )
    with pytest.raises(CaseError, match="not of one case"):
        ReviewRun.of_folder(folder).review("patient_t2")


@pytest.mark.posix
def test_a_pipe_holds_no_arrays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="no file"):
        read_arrays(tmp_path / "a.npz")
