"""Save a mask: a Labels layer as a file in the scanner's space."""

from pathlib import Path

from magicgui import magic_factory
from napari.layers import Labels

from napari_osuda.errors import OutputError
from napari_osuda.napari_layers.writer import write_layer
from napari_osuda.widgets.tasks.answer import Work, answers, taken

__all__ = ["save_mask"]


@magic_factory(
    widget_init=answers,
    call_button="Save",
    mask={"label": "Mask", "tooltip": "A Labels layer that lies on an open MRI"},
    file={
        "label": "File",
        "mode": "w",
        "filter": "Masks (*.nii.gz *.nii *.dcm)",
        "tooltip": "NIfTI (.nii.gz), or DICOM-SEG (.dcm) where the MRI was opened from DICOM",
    },
    replace={"label": "Replace", "tooltip": "Replace a file that has this name already"},
)
def save_mask(mask: Labels, file: Path, replace: bool = False) -> Work:
    """Save a Labels layer as NIfTI or DICOM-SEG in the scanner's space.

    Parameters
    ----------
    mask : Labels
    file : Path
        Ends in ``.nii.gz``, ``.nii`` or ``.dcm``; ``.nii.gz`` is added to a name without suffix.
    replace : bool
        Whether a file of that name may be replaced.

    Returns
    -------
    callable
        Writes, and gives the sentence that says where; raises OsudaError with one that says why not.
    """
    data, attributes = taken(mask)

    def work() -> str:
        if file.is_dir() or not file.name:
            raise OutputError("Give the file a name, such as mask.nii.gz.")
        if not data.any():
            raise OutputError(f"{attributes['name']} is empty, so nothing was saved. Paint it first.")
        there = next((p for p in (file, Path(f"{file}.nii.gz")) if p.exists()), None)
        if there is not None and not replace:
            raise OutputError(f"{there} exists already. Give another name, or tick Replace.")
        (path,) = write_layer(str(file), data, attributes)
        return f"Saved {path}"

    return work
