import math

import numpy as np

from napari_osuda.evaluation import RegionScore
from napari_osuda.session.report.tables import details_of, score_table, summary_table, volume_table


def score(region="WT", dice=0.8, hd95=4.0, failure=False):
    return RegionScore(region, dice, hd95, hd95, 0.7, 0.9, 1.0, 2.0, failure)


def test_volumes_of_labels_and_regions_before_and_after():
    before, after = np.zeros((2, 10, 10, 10), dtype=np.uint8)
    before[:2] = 1
    after[:1] = 1
    after[5:9] = 4
    written = volume_table(
        {"before": before, "after": after},
        (1.0, 2.0, 5.0),
        {0: "background", 1: "core", 4: "rim"},
        {"WT": (1, 4)},
    )
    assert ">core</th><td>2.00</td><td>1.00</td><td>−1.00</td><td>−50 %</td>" in written
    assert ">rim</th><td>0.00</td><td>4.00</td><td>+4.00</td><td>–</td>" in written
    assert ">WT (region)</th><td>2.00</td><td>5.00</td><td>+3.00</td><td>+150 %</td>" in written
    assert "background" not in written


def test_a_label_that_a_person_has_added_has_its_volume():
    mask = np.zeros((10, 10, 10), np.uint8)
    final = mask.copy()
    final[0] = 7
    masks = {"before": mask, "after": mask, "final": final}
    written = volume_table(masks, (1.0, 2.0, 5.0), {0: "background", 1: "core"}, {})
    assert ">label 7</th><td>0.00</td><td>0.00</td><td>1.00</td>" in written


def test_a_failure_is_said_and_not_a_number():
    written = score_table([score()], [score(dice=0.0, hd95=math.inf, failure=True)])
    assert written.index("WT, original") < written.index("WT, adapted")
    assert written.count("none: one mask is empty") == 2
    assert "<td>0.800</td><td>4.00</td>" in written


def test_means_stand_beside_their_failures():
    before = {"a": [score(dice=0.6)], "b": [score(dice=0.8)]}
    after = {"a": [score(dice=0.9)], "b": [score(dice=0.0, hd95=math.inf, failure=True)]}
    written = summary_table(before, after)
    assert "<td>0.700 ± 0.141</td><td>4.00 ± 0.00</td><td>0</td><td>2</td>" in written
    assert "<td>0.450 ± 0.636</td><td>4.00 ± –</td><td>1</td><td>2</td>" in written


def test_nested_details_become_tables():
    written = details_of(
        {
            "batch_size": 16,
            "entropy": True,
            "threads": None,
            "rate": 1e-4,
            "sha256": "0" * 64,
            "libraries": {"torch": "2.13"},
            "inputs": [{"path": "<a>.nii", "shape": (1, 2)}, {"path": "b.nii", "sha256": "x"}],
        },
        "Run",
    )
    assert '<th scope="row">batch size</th><td>16</td>' in written
    assert '<th scope="row">entropy</th><td>yes</td>' in written
    assert '<th scope="row">threads</th><td>–</td>' in written
    assert "<td>0.0001</td>" in written
    assert f"<code>{'0' * 64}</code>" in written
    assert "<caption>libraries</caption>" in written
    assert "&lt;a&gt;.nii</th><td>1, 2</td><td>–</td>" in written
