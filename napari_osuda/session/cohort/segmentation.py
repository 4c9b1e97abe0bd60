"""The mask that is recommended for a patient, as DICOM-SEG, where the patient's images are DICOM."""

from __future__ import annotations

import logging
from pathlib import Path

from napari_osuda.errors import OsudaError
from napari_osuda.files import path_inside
from napari_osuda.imaging.dicom import is_dicom
from napari_osuda.imaging.dicom.segmentation import write_dicom_seg
from napari_osuda.models import SourceModel
from napari_osuda.session.job import CaseResult
from napari_osuda.version import __version__

__all__ = ["write_segmentation"]

_LOGGER = logging.getLogger(__name__)


def write_segmentation(result: CaseResult, model: SourceModel, folder: Path) -> Path | None:
    """Write ``<case>-seg.dcm`` into a run folder; nothing where neither mask is recommended.

    Whoever opens it sees one mask and no recommendation, so a mask that is not recommended is not written.

    Parameters
    ----------
    result : CaseResult
    model : SourceModel
        Names and colors of the labels.
    folder : Path
        Of the run.

    Returns
    -------
    Path or None
        None where the images are no DICOM, or no mask is recommended.
    """
    case, advice = result.case, result.recommendation
    paths = [source.path for source in case.sources if source.path is not None and not source.resampled]
    sources = [path for path in paths if is_dicom(path)]
    target = path_inside(folder, f"{case.name}-seg.dcm")
    target.unlink(missing_ok=True)
    decision = "accept" if advice is None else advice.decision
    mask = {"accept": result.after, "keep-source": result.before}.get(decision)
    if not sources or mask is None:
        return None
    card = model.card
    try:
        write_dicom_seg(
            target, mask, case.grid, sources[0], card.labels, colors=card.colours, model=card.name,
            version=__version__,
        )  # fmt: skip
    except OsudaError as error:
        # The NIfTI counts, whatever becomes of this one.
        _LOGGER.warning("%s has no DICOM segmentation: %s", case.name, error)
        return None
    return target
