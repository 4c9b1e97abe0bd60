from __future__ import annotations

import pytest

from napari_osuda.widgets.adapt.model.reading import model_path


@pytest.mark.parametrize(
    ("file", "opened"),
    [
        ("plans.json", "."),
        ("fold_0/checkpoint_final.pth", "."),
        ("configs/metadata.json", "."),
        ("bioimageio.yaml", "."),
        ("other/weights.pt", "other/weights.pt"),
    ],
)
def test_a_file_that_is_of_no_use_alone_stands_for_its_folder(tmp_path, file, opened):
    (tmp_path / "plans.json").write_text("{}") if "fold" in file or "plans" in file else None
    assert model_path(tmp_path / file) == tmp_path / opened
