"""The MNI152 template that simulated patients are made of: nilearn's, checked by its hash."""

from __future__ import annotations

from pathlib import Path

from napari_osuda.errors import OsudaError
from napari_osuda.files import sha256_of

__all__ = ["require_known_template"]

# Beside the simulation and not in it: its program text is the key under which patients are kept.
_FILES = {
    "t1": "421a10e872fd6cadae7f61d358dffbcc1795a497d61ee76c5dda2503e1a1e9e6",
    "gm": "97a5ca69bd24db37a9cb7b32525e1733a209af904129bf1cd36da06d24243bed",
    "wm": "382d92812de4744f9c86c7a0e4f680dc317a0a50e4da1f0153618a6798c7b7db",
}


def require_known_template() -> None:
    """Check that the installed nilearn ships the maps that patients have always been made of.

    Raises
    ------
    ImportError
        nilearn is not installed.
    OsudaError
        It ships others: the same seeds would make other patients.
    """
    import nilearn.datasets

    folder = Path(nilearn.datasets.__file__).parent / "data"
    for tissue, known in _FILES.items():
        path = folder / f"mni_icbm152_{tissue}_tal_nlin_sym_09a_converted.nii.gz"
        if not path.is_file() or sha256_of(path) != known:
            raise OsudaError(
                f"This nilearn holds another MNI152 template ({path.name}): other patients would come of it. "
                "Install the known one: pip install nilearn==0.14.1."
            )
