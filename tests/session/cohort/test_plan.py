from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.errors import CaseError, ConfigError
from napari_osuda.session.cohort.plan import plan


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("bids")
    for number in range(1, 12):
        (root / f"sub-{number:02d}" / "anat").mkdir(parents=True)
    for session in ("ses-1", "ses-2"):
        (root / "sub-99" / session / "anat").mkdir(parents=True)
    (root / "derivatives").mkdir()
    sites = "".join(f"sub-{n:02d}\t{'Bern' if n < 5 else 'Graz Süd'}\n" for n in (*range(1, 12), 99))
    (root / "participants.tsv").write_text(f"participant_id\tsite\n{sites}", encoding="utf-8")
    return root


def test_a_job_for_each_session(dataset):
    jobs = list(plan(dataset))
    assert [job.name for job in jobs] == [
        *(f"sub-{n:02d}" for n in range(1, 12)),
        "sub-99_ses-1",
        "sub-99_ses-2",
    ]
    assert jobs[-1].sessions[0].folder == dataset / "sub-99" / "ses-2"


@given(st.integers(1, 30))
def test_parts_are_disjoint_and_together_whole_counted_from_0_or_from_1(dataset, parts):
    whole = sorted(job.name for job in plan(dataset))
    for first in (0, 1):
        found = [job.name for i in range(first, first + parts) for job in plan(dataset, parts=parts, part=i)]
        assert sorted(found) == whole


def test_sessions_of_a_patient_stay_in_one_part(dataset):
    parts = [[job.name for job in plan(dataset, parts=12, part=i)] for i in range(12)]
    assert ["sub-99_ses-1", "sub-99_ses-2"] in parts


def test_labels_with_and_without_sub(dataset):
    assert [job.name for job in plan(dataset, ["07", "sub-02"])] == ["sub-02", "sub-07"]
    with pytest.raises(CaseError, match="no sub-nobody"):
        plan(dataset, ["nobody"])


def test_a_site_is_one_target(dataset):
    bern, graz = plan(dataset, together="site")
    assert (bern.name, len(bern.sessions)) == ("site-Bern", 4)
    assert (graz.name, len(graz.sessions)) == ("site-GrazSd", 9)
    with pytest.raises(ConfigError, match="no column 'age'"):
        plan(dataset, together="age")


def test_what_does_not_fit_is_a_sentence(dataset, tmp_path):
    with pytest.raises(CaseError, match="no folder sub-"):
        plan(tmp_path)
    with pytest.raises(CaseError, match="is not a folder"):
        plan(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="The part is 4"):
        plan(dataset, parts=3, part=4)
    with pytest.raises(ConfigError, match="number of parts is 0"):
        plan(dataset, parts=0)
    (tmp_path / "sub-01_ses-1").mkdir()
    with pytest.raises(CaseError, match="letters and digits"):
        plan(tmp_path)


def test_ten_thousand_patients_are_planned_in_seconds_and_little_memory(tmp_path):
    for number in range(10_000):
        (tmp_path / f"sub-{number:05d}").mkdir()
    tracemalloc.start()
    began = time.process_time()
    try:
        count = sum(1 for _ in plan(tmp_path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 10_000
    assert time.process_time() - began < 60
    assert peak < 32 * 2**20
