"""What a missing library is needed for, and the command that installs it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec

__all__ = ["EXTRAS", "library_problem", "qt_problem"]

EXTRAS = {
    "monai": "monai",
    "segmentation_models_pytorch": "smp",
    "timm": "smp",
    "bioimageio": "bioimageio",
    "onnx": "onnx",
    "onnx2torch": "onnx",
    "dynamic_network_architectures": "nnunet",
    "pydicom": "dicom",
    "highdicom": "dicom",
    "SimpleITK": "itk",
    "nilearn": "simulation",
    "shtab": "completion",
}
"""Modules that an optional part needs, and the extra of the package that brings each."""

_BINDINGS = ("PyQt6", "PySide6", "PyQt5", "PySide2")


def library_problem(error: BaseException) -> str | None:
    """What is to be installed, where a failure is that of a library that is missing or does not fit.

    Parameters
    ----------
    error : BaseException
        As it was raised; where it passed through torchvision, its release is compared with torch's.

    Returns
    -------
    str or None
        A sentence; None where the failure is of another kind.
    """
    if _passed_through(error, "torchvision"):
        said = _mismatched_torchvision(at_import=_passed_through(error, "torchvision", "<module>"))
        if said is not None:
            return said
    return _missing_library(error) if isinstance(error, ImportError) else None


def _passed_through(error: BaseException, library: str, function: str | None = None) -> bool:
    step = error.__traceback__
    while step is not None:
        frame = step.tb_frame
        ours = str(frame.f_globals.get("__name__", "")).partition(".")[0] == library
        if ours and function in (None, frame.f_code.co_name):
            return True
        step = step.tb_next
    return False


def _missing_library(error: ImportError) -> str:
    module = (error.name or "").partition(".")[0]
    if module in EXTRAS:
        return f"{module} is not installed. Install it: pip install 'napari-osuda[{EXTRAS[module]}]'."
    if module and isinstance(error, ModuleNotFoundError):
        return f"{module} is not installed. Install it: pip install {module}."
    again = f" Install it again: pip install --force-reinstall {module}." if module else ""
    return f"A library cannot be loaded ({error}).{again}"


def _mismatched_torchvision(*, at_import: bool) -> str | None:
    """What to do where torch stands beside a torchvision of another release or build; None where it fits."""
    import importlib.metadata

    try:
        torch, torchvision = (importlib.metadata.version(name) for name in ("torch", "torchvision"))
        needed = importlib.metadata.requires("torchvision") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    wanted = next((m[1] for line in needed if (m := re.match(r"torch\s*\(?==\s*([0-9.]+)", line))), None)
    if wanted is not None and torch.partition("+")[0] != wanted:
        return (
            f"torchvision {torchvision} belongs to torch {wanted}, and torch {torch} is installed. Install "
            "the two together: pip install --upgrade torch torchvision."
        )
    if at_import:
        return (
            f"torchvision {torchvision} and torch {torch} do not work together: one may be built for CUDA "
            "and the other not. Install the two together: pip install --force-reinstall torch torchvision."
        )
    return None


def qt_problem() -> str | None:
    """Why no window can be opened for want of a Qt that works; None where there is one."""
    found = dict(_bindings())
    if not found:
        return "No Qt is installed. Install it: pip install 'napari-osuda[qt]'."
    if sys.version_info < (3, 12) and found.keys() == {"PySide6"} and found["PySide6"] == "6.12.0":
        return "PySide6 6.12.0 crashes on Python 3.11. Install another: pip install 'PySide6!=6.12.0'."
    return None


def _bindings() -> Iterator[tuple[str, str]]:
    """The Qt bindings that are installed, with their versions ("" where that is not known)."""
    import importlib.metadata

    for name in _BINDINGS:
        try:
            if find_spec(name) is None:
                continue
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield name, ""
        except (ImportError, ValueError):
            # A module that is barred from being imported.
            continue
