"""One of two processes that adapt together: killed after two iterations, then begun again with ``--resume``.

``killed_together.py PORT ARGUMENT ...``: the second port, and what ``napari_osuda`` is given.
"""

from __future__ import annotations

import os
import signal
import sys

from napari_osuda.cli import main
from napari_osuda.method import Adaptation
from napari_osuda.session.run import iterations


def die(arguments: list[str]) -> None:
    """Begin the run, and be killed as the third iteration begins."""
    step = Adaptation.__next__

    def step_or_die(adaptation: Adaptation) -> object:
        if adaptation.t == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(adaptation)

    iterations._CHECKPOINT_EVERY = -1.0
    Adaptation.__next__ = step_or_die
    main(arguments)


if __name__ == "__main__":
    port, *given = sys.argv[1:]
    # A process of its own, which needs not import everything anew.
    child = os.fork()
    if child == 0:
        die(given)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    # The second may see that the first is gone, before its own end.
    if os.environ["RANK"] == "0" and not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
        sys.exit(f"it was not killed: {status}")
    os.environ["MASTER_PORT"] = port
    sys.exit(main([*given, "--resume"]))
