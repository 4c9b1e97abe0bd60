"""What the other processes do of a run that several make together: their share of the training."""

from __future__ import annotations

from napari_osuda.method.computing.distributed import Processes
from napari_osuda.session.job import Job
from napari_osuda.session.run.clock import Clock
from napari_osuda.session.run.iterations import Iterations
from napari_osuda.session.run.run import begin_adaptation
from napari_osuda.session.run.setup import set_up
from napari_osuda.session.run_folder.checkpoint import Checkpoint

__all__ = ["assist"]


def assist(job: Job, processes: Processes) -> None:
    """Take part in the run of the first process, and write nothing.

    Parameters
    ----------
    job : Job
        The same as the first process's: of the same files and settings.
    processes : Processes
        This one not the first.

    Notes
    -----
    Whatever the processes exchange, `Run` does in the same order. The masks, the guard and the run folder
    are the first one's alone.
    """
    setup, _ = set_up(job, processes)
    adaptation = begin_adaptation(setup, processes)
    if processes.any(False):
        return
    iterations = None
    if adaptation is not None:
        checkpoint = Checkpoint(job, reads_only=True)
        iterations = Iterations(setup, adaptation, checkpoint, None, lambda: False, Clock())
    # The first segments the cases by the source model meanwhile.
    if processes.any(False) or iterations is None:
        return
    for _ in iterations:
        pass
    for _ in iterations.finish():
        pass
