"""What is done to the images before the network: reference grid, brain mask, bias field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QFormLayout, QWidget

from napari_osuda.imaging import FINEST, Preparation
from napari_osuda.widgets.qt.lists import combo_box

__all__ = ["PreparationPanel"]

_EXTRACT = "extract"


class PreparationPanel(QWidget):
    """Choices beside the channels; those that do not apply are not shown."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self.grid = combo_box("Voxels of the mask", width="short")
        self.grid.setToolTip(
            "The images have different voxels. The mask comes back in those of this image, and the others "
            "are resampled to it by their headers."
        )
        self.brain = combo_box("Brain mask", width="short")
        self.brain.setToolTip(
            "For a model that was trained on brains without skull: labels that mark the brain. "
            "The network sees 0 outside of them."
        )
        self.bias = QCheckBox("Correct the bias field (N4)")
        has_itk = find_spec("SimpleITK") is not None
        self.bias.setEnabled(has_itk)
        self.bias.setToolTip(
            "Takes out slow changes of brightness from each image, before anything else."
            if has_itk
            else "Needs SimpleITK: pip install 'napari-osuda[itk]'."
        )
        self._form.addRow("Voxels of", self.grid)
        self._form.addRow("Brain mask", self.brain)
        self._form.addRow("", self.bias)
        for combo in (self.grid, self.brain):
            combo.activated.connect(lambda _: self.changed.emit())
        self.bias.toggled.connect(lambda _: self.changed.emit())
        self.set_images({}, differ=False)
        self.set_masks(())

    def set_images(self, layers: Mapping[str, Any], *, differ: bool) -> None:
        """The images that there are, by channel, and whether they lie on different grids."""
        kept = self.grid.currentData()
        self.grid.clear()
        self.grid.addItem("the first image", "")
        for channel, layer in layers.items():
            self.grid.addItem(f"{channel}: {layer.name}", channel)
        self.grid.addItem("the image with the smallest voxels", FINEST)
        self.grid.setCurrentIndex(max(0, self.grid.findData(kept)) if differ else 0)
        self._form.setRowVisible(self.grid, differ)

    def set_masks(self, labels: Sequence[Any]) -> None:
        """The Labels layers that may mark the brain."""
        kept = self.brain.currentData()
        self.brain.clear()
        self.brain.addItem("none", None)
        for layer in labels:
            self.brain.addItem(layer.name, layer)
        if find_spec("deepbet") is not None:
            self.brain.addItem("extract the brain (deepbet)", _EXTRACT)
        found = [i for i in range(self.brain.count()) if self.brain.itemData(i) is kept]
        self.brain.setCurrentIndex(found[0] if found and kept is not None else 0)

    def preparation(self) -> Preparation:
        """What is chosen, but for a brain mask that is a layer."""
        return Preparation(
            reference_grid=self.grid.currentData() or "",
            bias_field=self.bias.isChecked(),
            extract_brain=self.brain.currentData() == _EXTRACT,
        )

    def brain_layer(self) -> Any:
        """The layer that marks the brain, or None."""
        chosen = self.brain.currentData()
        return None if chosen is None or isinstance(chosen, str) else chosen
