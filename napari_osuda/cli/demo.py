"""The demo: the sample model for T2 adapted to a patient of whom there is no T2, in napari or headless."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from napari_osuda.cli.printing import say
from napari_osuda.errors import OsudaError
from napari_osuda.extras import qt_problem

__all__ = ["MODEL", "PATIENT", "display_there", "open_demo_viewer", "run_demo"]

MODEL, PATIENT, CHANNEL = "whole-tumour-t2", "high-grade-other-contrasts", "flair"


def run_demo(*, out: Path | None, gui: bool) -> int:
    """Open napari on the sample, or do the same job without it.

    Parameters
    ----------
    out : Path or None
        Run folder of the headless job; without, ``demo-run`` (or ``demo-run-2``, ...) in this folder.
    gui : bool
        Whether napari may be opened; without a display it never is.

    Returns
    -------
    int
        Exit code.
    """
    if gui and display_there():
        problem = qt_problem()
        if problem is not None:
            raise OsudaError(f"{problem} Without a window: napari-osuda demo --no-gui")
        try:
            import napari

            open_demo_viewer()
        except ImportError as error:
            raise OsudaError(
                f"napari cannot open a window here ({error}). On Debian: apt-get install libegl1 libgl1 "
                "libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libdbus-1-3. "
                "Without a window: napari-osuda demo --no-gui"
            ) from None
        napari.run()
        return 0
    return _headless(out or _free_folder())


def display_there() -> bool:
    """Whether a window could be opened."""
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


def open_demo_viewer() -> tuple[Any, Any]:
    """A napari viewer with the sample patient and the source model loaded and the widget docked.

    Returns
    -------
    tuple of napari.Viewer and AdaptWidget
    """
    import napari

    from napari_osuda.napari_layers.panels import open_panel

    viewer = napari.Viewer()
    viewer.open_sample("napari-osuda", PATIENT)
    widget = open_panel(viewer, "OSUDA: Adapt")
    from napari_osuda.simulation.shipped import sample_models

    widget.choose_model(sample_models()[MODEL])
    return viewer, widget


def _headless(out: Path) -> int:
    from napari_osuda.cli.terminal import run_on_terminal, summary
    from napari_osuda.imaging import read_case, read_labels
    from napari_osuda.method import preset
    from napari_osuda.models import load_model
    from napari_osuda.session.preflight import check_out
    from napari_osuda.simulation.shipped import sample_models, sample_patients

    check_out(out)
    patient = sample_patients()[PATIENT]
    model = load_model(sample_models()[MODEL])
    say(f"Source model: {model.card.name}. Target: {patient.title}, its {CHANNEL.upper()}.")
    case = read_case({model.card.channels[0]: patient.images[CHANNEL]}, model.card.channels, name=PATIENT)
    reference, _ = read_labels(patient.reference)
    result = run_on_terminal(
        model, case, preset("osuda"), references=[(reference != 0).astype("uint8")], out=out, quiet=False
    )
    say("\n".join(summary(result)))
    for scored in result.cases:
        for before, after in zip(scored.scores_before, scored.scores_after, strict=True):
            if after.dice < before.dice - 0.005:
                say(
                    f"Here adaptation made {before.region} worse ({before.dice:.3f} to {after.dice:.3f}). "
                    "That happens; the source mask is in the folder 'before'."
                )
    if result.outcome != "done":
        return 130
    _screenshot(out)
    return 0


def _free_folder() -> Path:
    names = itertools.chain(["demo-run"], (f"demo-run-{n}" for n in itertools.count(2)))
    return next(path for path in map(Path, names) if not path.exists())


def _screenshot(out: Path) -> None:
    """Open the finished run in napari on a virtual display, where there is one, and take its picture."""
    picture = out / "viewer.png"
    command = [sys.executable, "-m", "napari_osuda.cli.screenshot", str(out), str(picture)]
    if not display_there():
        xvfb = shutil.which("xvfb-run")
        if xvfb is None:
            say("No picture of the viewer: there is no Xvfb. On Debian: apt-get install xvfb xauth")
            return
        command = [xvfb, "-a", "-s", "-screen 0 1600x1000x24 +extension GLX", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if picture.is_file():
        say(f"The viewer after it: {picture}")
    else:
        last = (done.stderr.strip() or "no reason given").splitlines()[-1]
        say(f"No picture of the viewer: napari could not be opened on a virtual display ({last}).")
