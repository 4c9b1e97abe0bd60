"""Runs that are left before their end."""

from __future__ import annotations

from napari_osuda.method import preset
from napari_osuda.session.run.run import Run
from napari_osuda.session.run_folder.checkpoint import saved_states
from napari_osuda.session.run_folder.saved_state import read_state

CONFIG = preset("osuda", iterations=6, batch_size=4, learning_rate=1e-3)


def cut_off(run: Run, where) -> None:
    """Walk away from a run at the first event that ``where`` holds of."""
    events = iter(run)
    for event in events:
        if where(event):
            break
    events.close()


def newest(out) -> int:
    return read_state(saved_states(out)[0]).t
