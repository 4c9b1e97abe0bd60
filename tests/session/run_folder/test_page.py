from napari_osuda.session.report.content import Curves
from napari_osuda.session.run_folder.page import report_of
from napari_osuda.session.run_folder.record import RunRecord


def record(**changes) -> RunRecord:
    affine = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    inputs = [{"channel": c, "path": f"{c}.nii", "shape": [2, 2, 2], "affine": affine} for c in ("t1", "t2")]
    whole = {
        "version": "0", "method": "osuda", "outcome": "stopped", "config": {"iterations": 3},
        "started": "", "ended": "", "recommendation": {"decision": "neither"}, "notes": ["One."],
        "error": "Two.", "cases": [{"name": "a", "inputs": inputs}],
        "model": {
            "path": "m", "sha256": "0",
            "card": {"name": "Net", "plane": "coronal", "labels": {"0": "b", "4": "t"}},
        },
    }  # fmt: skip
    return RunRecord.model_validate(whole | changes)


def test_a_run_and_its_review_give_the_same_page_but_for_the_title():
    plain, reviewed = (report_of(record(), [], Curves(), reviewed=which) for which in (False, True))
    assert (plain.title, reviewed.title) == ("Net, adapted by osuda", "Net, adapted by osuda, reviewed")
    assert plain.settings == reviewed.settings == {"method": "osuda", "device": "cpu", "iterations": 3}
    assert plain.notes == ("One.", "Two.")
    assert plain.recommendation == "neither"
    assert plain.labels == {0: "b", 4: "t"}
    assert [row["path"] for row in plain.provenance["inputs"]] == ["t1.nii", "t2.nii"]
    assert report_of(record(recommendation=None), [], Curves()).recommendation is None
