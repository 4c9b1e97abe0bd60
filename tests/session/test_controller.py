from __future__ import annotations

import threading

import pytest

from napari_osuda.method import preset
from napari_osuda.session import Controller, Preview, RunFromIteration, RunState, find_unfinished
from napari_osuda.session.api import make_job

LONG = preset("osuda", iterations=400, batch_size=4)


class Watch:
    """What a controller has told so far, and a way to wait for it."""

    def __init__(self, controller: Controller) -> None:
        self.states: list[RunState] = []
        self.steps = 0
        self.errors: list[str] = []
        self.results: list[object] = []
        self.changed = threading.Condition()
        controller.state_changed.connect(lambda state: self.note(self.states, state))
        controller.failed.connect(lambda text: self.note(self.errors, text))
        controller.finished.connect(lambda event: self.note(self.results, event.result))
        controller.stepped.connect(self.step)

    def note(self, where: list, what: object) -> None:
        with self.changed:
            where.append(what)
            self.changed.notify_all()

    def step(self, event: object) -> None:
        with self.changed:
            self.steps += 1
            self.changed.notify_all()

    def wait(self, condition) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, timeout=60)


@pytest.fixture
def controller():
    controller = Controller()
    yield controller
    assert controller.close()
    assert not [t for t in threading.enumerate() if t.name == "osuda-run"]


def test_a_run_from_start_to_end(controller, model, case):
    watch = Watch(controller)
    controller.start(make_job(model, case, preset("osuda", iterations=3, batch_size=4)))
    watch.wait(lambda: RunState.DONE in watch.states)
    assert watch.states == [RunState.LOADING, RunState.RUNNING, RunState.DONE]
    assert watch.steps == 3
    assert watch.results[0].outcome == "done"
    assert not controller.busy


def test_pause_holds_within_a_step_and_resume_goes_on(controller, model, case):
    watch = Watch(controller)
    controller.start(make_job(model, case, LONG))
    watch.wait(lambda: watch.steps >= 2)
    controller.pause()
    assert controller.state is RunState.PAUSED
    # The step under way may still end; then nothing more comes.
    held = watch.steps
    with watch.changed:
        watch.changed.wait_for(lambda: watch.steps > held + 1, timeout=0.5)
    assert watch.steps <= held + 1
    controller.resume()
    watch.wait(lambda: watch.steps > held + 3)
    controller.stop()
    watch.wait(lambda: RunState.DONE in watch.states)
    assert watch.results[0].outcome == "stopped"


def test_a_paused_run_can_be_stopped(controller, model, case):
    watch = Watch(controller)
    controller.start(make_job(model, case, LONG))
    watch.wait(lambda: watch.steps >= 1)
    controller.pause()
    controller.stop()
    watch.wait(lambda: RunState.DONE in watch.states)
    assert watch.states[-2] is RunState.STOPPING


def test_bad_input_is_a_sentence_and_the_next_run_starts_clean(controller, model, case):
    watch = Watch(controller)
    controller.start(make_job(model, case, LONG, device="cuda"))
    watch.wait(lambda: RunState.FAILED in watch.states)
    assert "no device 'cuda'" in watch.errors[0]
    controller.start(make_job(model, case, preset("osuda", iterations=1)))
    watch.wait(lambda: RunState.DONE in watch.states)
    assert watch.results[-1].outcome == "done"


def test_one_run_at_a_time(controller, model, case):
    controller.start(make_job(model, case, LONG))
    with pytest.raises(RuntimeError, match="under way"):
        controller.start(make_job(model, case, LONG))


def test_closing_ends_the_thread(model, case):
    controller = Controller()
    watch = Watch(controller)
    controller.start(make_job(model, case, LONG))
    watch.wait(lambda: watch.steps >= 1)
    assert controller.close()
    assert controller.state is RunState.DONE


def test_closing_leaves_a_run_that_the_same_program_can_find_and_finish(model, case, tmp_path):
    controller = Controller()
    watch = Watch(controller)
    out = tmp_path / "runs" / "closed"
    config = preset("osuda", iterations=400, batch_size=4, guard=False, threads=1)
    controller.start(make_job(model, case, config, out=out))
    watch.wait(lambda: watch.steps >= 2)
    assert find_unfinished(tmp_path / "runs") == [], "it is being written"
    assert controller.close()
    assert watch.results == [], "no masks are made of what nobody waits for"
    (left,) = find_unfinished(tmp_path / "runs")
    assert left.interrupted
    done, total = left.iterations
    assert (done, total) == (watch.steps, 400)
    assert left.job().config == config
    left.forget()
    assert find_unfinished(tmp_path / "runs") == []
    assert (out / "before" / "patient.nii.gz").is_file()


def test_a_stopped_run_is_not_taken_for_one_that_was_cut_off(controller, model, case, tmp_path):
    watch = Watch(controller)
    controller.start(make_job(model, case, LONG, out=tmp_path / "runs" / "stopped"))
    watch.wait(lambda: watch.steps >= 1)
    controller.stop()
    watch.wait(lambda: RunState.DONE in watch.states)
    (left,) = find_unfinished(tmp_path / "runs")
    assert not left.interrupted


def test_a_slice_that_is_looked_at_is_told_while_the_run_goes_on(controller, model, case):
    watch, previews = Watch(controller), []
    controller.previewed.connect(lambda preview: watch.note(previews, preview))
    controller.look_at(0, 4)
    controller.start(make_job(model, case, LONG))
    watch.wait(lambda: previews)
    assert isinstance(previews[0], Preview)
    assert (previews[0].case, previews[0].index) == (0, 4)
    assert previews[0].labels.shape == case.grid.shape[:2]


def test_a_past_state_becomes_the_result(controller, model, case):
    watch = Watch(controller)
    controller.start(make_job(model, case, preset("osuda", iterations=4, batch_size=4)))
    watch.wait(lambda: RunState.DONE in watch.states)
    run = controller.run
    controller.launch(RunFromIteration(watch.results[0], run.timeline, 2))
    watch.wait(lambda: len(watch.results) == 2)
    assert watch.results[1].iteration == 2
    assert watch.states[3:5] == [RunState.LOADING, RunState.RUNNING]
