"""Find the sample models and patients that come with the package. Loads nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_osuda.errors import OsudaError

__all__ = ["SamplePatient", "sample_models", "sample_patients", "sample_root"]

_TITLES = {
    "low-grade": "Low-grade glioma, four contrasts",
    "high-grade-other-contrasts": "High-grade glioma, other contrasts (FLAIR, T1, T1ce)",
    "high-grade-other-scanner": "High-grade glioma, another scanner (1.5 T, thick slices)",
}
_SUFFIX = ".nii.gz"
_REFERENCE = "seg"


@dataclass(frozen=True)
class SamplePatient:
    """One sample patient's files.

    Attributes
    ----------
    path : Path
        The folder.
    images : dict of contrast to Path
        NIfTI files, by the names ``t1``, ``t1ce``, ``t2``, ``flair``.
    reference : Path
        The true labels.
    title : str
        For menus.
    """

    path: Path
    images: dict[str, Path]
    reference: Path
    title: str


def sample_root() -> Path:
    """Find the folder with ``models`` and ``patients``: in an installed package, or beside it in a checkout.

    Raises
    ------
    OsudaError
        It is in neither place.
    """
    package = Path(__file__).resolve().parents[1]
    for root in (package / "sample_data", package.parent / "sample_data"):
        if (root / "models").is_dir() and (root / "patients").is_dir():
            return root
    raise OsudaError(
        f"The sample data are not with the package in {package}: install napari-osuda again, or run "
        "`make sample-data` in a checkout."
    )


def sample_models() -> dict[str, Path]:
    """Find the model folders by their names."""
    return {path.parent.name: path.parent for path in sorted(sample_root().glob("models/*/bioimageio.yaml"))}


def sample_patients() -> dict[str, SamplePatient]:
    """Find the patients by their names."""
    patients = {}
    for reference in sorted(sample_root().glob(f"patients/*/*_{_REFERENCE}{_SUFFIX}")):
        folder = reference.parent
        name = folder.name
        images = {
            path.name.removesuffix(_SUFFIX).removeprefix(f"{name}_"): path
            for path in sorted(folder.glob(f"{name}_*{_SUFFIX}"))
            if path != reference
        }
        patients[name] = SamplePatient(folder, images, reference, _TITLES.get(name, name))
    return patients
