from __future__ import annotations

import pytest
from run_parts import SHORT, files

from napari_osuda.method import Adaptation
from napari_osuda.method.computing.distributed import ALONE
from napari_osuda.session.api import make_job
from napari_osuda.session.run.assisting import assist


@pytest.mark.parametrize(("steps", "source"), [(2, False), (0, True)])
def test_who_assists_trains_and_writes_nothing(model, case, tmp_path, monkeypatch, steps, source):
    made = []
    begin = Adaptation.__init__

    def note(self, *args, **kwargs):
        begin(self, *args, **kwargs)
        made.append(self)

    monkeypatch.setattr(Adaptation, "__init__", note)
    statistics = "source" if source else "target"
    config = SHORT.replace(iterations=steps, inference_statistics=statistics)
    out = tmp_path / "run"
    out.mkdir()
    assist(make_job(model, case, config, out=out, device="cpu"), ALONE)
    assert not files(out)
    assert [(a.t, a.finished) for a in made if a.config.iterations] == ([] if source else [(steps, True)])
