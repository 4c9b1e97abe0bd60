from __future__ import annotations

from napari_osuda.method import preset
from napari_osuda.session import Finished, Previewer, Step
from napari_osuda.session.api import make_job
from napari_osuda.session.preview import live as module
from napari_osuda.session.preview.live import LivePreview
from napari_osuda.session.run.run import Run


def test_a_live_preview_keeps_to_its_share_of_the_time(model, case, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    run = Run(make_job(model, case, preset("osuda", iterations=200, batch_size=4)))
    live, shown, labels = LivePreview(run), [], Previewer.labels

    def slow(*arguments):
        clock[0] += 0.5
        return labels(*arguments)

    monkeypatch.setattr(Previewer, "labels", slow)
    for event in run:
        if isinstance(event, Step):
            clock[0] += 0.3
            preview = live.after_step((0, 4), event.report.eta)
            if preview is not None:
                shown.append(preview)
                assert preview.iteration == event.report.t + 1
        if isinstance(event, Finished):
            break
    # 60 s of steps at a share of 4 % are 2.4 s of previews of 0.5 s each.
    assert 3 <= len(shown) <= 6
    assert live.share < 0.05
    assert live.after_step(None, 0.5) is None
