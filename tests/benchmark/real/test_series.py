from __future__ import annotations

from dataclasses import replace

import pytest

from napari_osuda.benchmark.bench import bench_rows, run_bench
from napari_osuda.benchmark.real.lgg import find_lgg
from napari_osuda.benchmark.real.protocols import HIPPOCAMPUS, HIPPOCAMPUS_REGIONS, LGG, lgg_parts
from napari_osuda.benchmark.real.series import RealBench, hippocampus_series, lgg_series
from napari_osuda.benchmark.real.sources import home_dice
from napari_osuda.benchmark.real.training import RealRecipe
from napari_osuda.errors import CaseError, OutputError

TINY = RealRecipe(epochs=2, batch_size=2, features=(2, 4))
TINY_HIPPOCAMPUS = dict.fromkeys(("hippocampus-2d", "hippocampus-3d"), TINY)


def test_who_takes_part_in_what(lgg_root):
    parts = lgg_parts(find_lgg(lgg_root))
    assert {part: [p.name[5:] for p in members] for part, members in parts.items()} == {
        "training": ["DU_0001", "DU_0002"],
        "tuning": ["DU_5874", "HT_7473"],
        "judging": ["CS_4941", "CS_4942", "DU_5851"],
    }


def test_patients_without_a_contrast_are_left_out_of_training_and_targets(lgg_root, tmp_path):
    told = []
    site, contrast, home = lgg_series(
        RealBench(lgg_root, tmp_path, tmp_path / "models", tell=told.append),
        [
            LGG[n]
            for n in ("flair-to-flair-other-site", "flair-to-t1post-other-site", "flair-to-flair-same-site")
        ],
        TINY,
    )
    assert site.patients == ("TCGA_CS_4941", "TCGA_CS_4942")
    assert contrast.patients == ("TCGA_CS_4941",)
    assert home.patients == ("TCGA_DU_5851",)
    assert contrast.source.names == ("TCGA_DU_0001", "TCGA_DU_0002")
    # Whose labels an upper bound may see: nobody's who is judged on, here or later.
    assert contrast.target.names == ("TCGA_HT_7473",)
    assert home.target.names == ("TCGA_DU_5874",)
    assert told == ["TCGA_CS_4942 is left out: its pictures repeat FLAIR in the place of T1 post"]


def test_the_bench_runs_on_the_data_set_and_trains_its_model_once(lgg_root, tmp_path):
    told = []

    def series(recipe=TINY):
        bench = RealBench(lgg_root, tmp_path, tmp_path / "models", "tuning", tell=told.append, device="cpu")
        return lgg_series(bench, [LGG["flair-to-t1-other-site"]], recipe)

    rows = bench_rows(tmp_path / "bench.csv")
    *_, last = run_bench(series(), rows, ("source-only", "adabn", "cruda"), settings=["iterations=2"])
    assert last.total == 3
    assert [row["outcome"] for row in rows] == ["done"] * 3
    assert {row["patient"] for row in rows} == {"TCGA_HT_7473"}
    assert list(home_dice(tmp_path / "models", "lgg-flair")) == ["TCGA_DU_5874"]
    assert any("epoch 2 of 2" in line for line in told)
    told.clear()
    series()[0].model()
    assert not told
    with pytest.raises(OutputError, match="another recipe or on other patients"):
        series(replace(TINY, seed=1))[0].model()


@pytest.mark.parametrize("model", ["hippocampus-2d", "hippocampus-3d"])
def test_the_bench_runs_on_hippocampi(hippocampus_root, tmp_path, model):
    protocols = [HIPPOCAMPUS[f"{model}-gamma"]]
    bench = RealBench(hippocampus_root, tmp_path, tmp_path / "models", device="cpu")
    series = hippocampus_series(bench, protocols, TINY_HIPPOCAMPUS)
    rows = bench_rows(tmp_path / "bench.csv", HIPPOCAMPUS_REGIONS)
    list(run_bench(series, rows, ("osuda",), settings=["iterations=1"]))
    assert [row["outcome"] for row in rows] == ["done"]


def test_a_folder_without_the_patients_of_a_protocol_is_refused(lgg_root, tmp_path, write_patient):
    root = tmp_path / "small"
    write_patient(root / "TCGA_HT_0001_20000101")
    bench = RealBench(root, tmp_path, tmp_path / "models", "tuning")
    with pytest.raises(CaseError, match="no patient for 'flair-to-flair-same-site'"):
        lgg_series(bench, [LGG["flair-to-flair-same-site"]])
    (series,) = lgg_series(bench, [LGG["flair-to-flair-other-site"]])
    with pytest.raises(CaseError, match="nobody to train lgg-flair on"):
        series.model()


def test_a_bench_goes_on_with_the_same_patients_only(lgg_root, tmp_path):
    lgg_series(RealBench(lgg_root, tmp_path, tmp_path / "models"), [LGG["flair-to-flair-other-site"]], TINY)
    with pytest.raises(OutputError, match="on other patients or models"):
        lgg_series(
            RealBench(lgg_root, tmp_path, tmp_path / "models", "tuning"), [LGG["flair-to-flair-other-site"]]
        )
