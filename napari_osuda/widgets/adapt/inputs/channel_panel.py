"""Which open image layer is which channel of the model, and which labels are a reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from napari.layers import Image, Labels
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QWidget

from napari_osuda.imaging import FINEST, Preparation
from napari_osuda.imaging.preparation.assembling import reference_channel
from napari_osuda.napari_layers.masks import RESULT_KEY
from napari_osuda.widgets.adapt.inputs.case_of_layers import grids_differ, voxel_sizes
from napari_osuda.widgets.adapt.inputs.matching import guess, newest_patient
from napari_osuda.widgets.adapt.inputs.preparation_panel import PreparationPanel
from napari_osuda.widgets.qt.lists import combo_box
from napari_osuda.widgets.qt.window import real_viewer

__all__ = ["ChannelPanel"]

# Reference and preparation.
_LAST_ROWS = 2


class ChannelPanel(QWidget):
    """One list of image layers for each channel, guessed from the layers' names until the user chooses.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers there are to choose from.
    """

    changed = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._layers = real_viewer(viewer).layers
        self._channels: tuple[str, ...] = ()
        self._corrected: dict[str, Any] = {}
        self._patient: Path | None = None
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self.combos: dict[str, QComboBox] = {}
        self.reference = combo_box("Reference labels", width="short")
        self.reference.setToolTip(
            "Labels drawn by a person, if there are any. They give Dice scores and change nothing else."
        )
        self.reference.activated.connect(lambda: self._on_reference())
        self._reference_chosen = False
        self._form.addRow("Reference", self.reference)
        self.preparation_panel = PreparationPanel()
        self.preparation_panel.changed.connect(lambda: self.changed.emit())
        self._form.addRow(self.preparation_panel)
        for event in self._events():
            event.connect(self.refresh)
        self.set_channels(())

    def _events(self) -> Sequence[Any]:
        events = self._layers.events
        return events.inserted, events.removed, events.reordered, events.renamed

    def close_down(self) -> None:
        """Listen to the layers no more."""
        for event in self._events():
            event.disconnect(self.refresh)

    def set_channels(self, channels: Sequence[str]) -> None:
        """Ask for these channels."""
        self._channels = tuple(channels)
        self._corrected.clear()
        self.combos = {}
        # The last rows are there whatever the model.
        while self._form.rowCount() > _LAST_ROWS:
            self._form.removeRow(0)
        for row, channel in enumerate(self._channels):
            combo = combo_box(f"Image for {channel}", width="short")
            combo.activated.connect(lambda _, c=channel: self._on_activated(c))
            self.combos[channel] = combo
            self._form.insertRow(row, channel, combo)
        self.refresh()

    def layers(self) -> dict[str, Any]:
        """Channel to image layer, the one whose voxels the mask gets first; those without one are missing."""
        chosen = self._chosen()
        wanted = self.preparation_panel.preparation().reference_grid
        if not wanted or wanted not in (*chosen, FINEST):
            return chosen
        sizes = voxel_sizes(chosen) if wanted == FINEST else None
        first = reference_channel(wanted, tuple(chosen), sizes)
        return {first: chosen[first], **chosen}

    def _chosen(self) -> dict[str, Any]:
        found = {channel: combo.currentData() for channel, combo in self.combos.items()}
        return {channel: layer for channel, layer in found.items() if layer is not None}

    def preparation(self) -> tuple[Preparation, Any]:
        """What is done to the images, and the layer that marks the brain, or None."""
        return self.preparation_panel.preparation(), self.preparation_panel.brain_layer()

    def reference_layer(self) -> Any:
        """The labels to compare with, or None."""
        return self.reference.currentData()

    @property
    def images(self) -> list[Any]:
        """Those of the viewer that can be chosen."""
        return [layer for layer in self._layers if not _is_result(layer) and not why_unsuitable(layer)]

    @property
    def missing(self) -> tuple[str, ...]:
        """Channels that have no layer yet."""
        return tuple(c for c in self._channels if c not in self.layers())

    def refresh(self, event: object = None) -> None:
        """Follow the layers of the viewer: what the user chose stays, the rest is guessed anew."""
        images = self.images
        # Said with the reason: otherwise one looks for them in vain.
        others = [layer for layer in self._layers if isinstance(layer, Image) and not _is_result(layer)]
        unsuitable = {layer: why_unsuitable(layer) for layer in others if layer not in images}
        if (patient := newest_patient(images)) != self._patient:
            # What was chosen for one patient is not chosen for the next.
            self._patient = patient
            self._corrected.clear()
        guessed = guess(images, self._channels)
        for channel, combo in self.combos.items():
            chosen = self._corrected.get(channel)
            if chosen not in images:
                self._corrected.pop(channel, None)
                chosen = guessed.get(channel)
            _fill(combo, "choose an image…", images, chosen, unsuitable)
        labels = [layer for layer in self._layers if isinstance(layer, Labels) and not _is_result(layer)]
        kept = self.reference.currentData() if self._reference_chosen else None
        if kept not in labels:
            kept = None
        if kept is None and not self._reference_chosen:
            kept = next((layer for layer in labels if "reference" in layer.name.lower()), None)
        _fill(self.reference, "none", labels, kept)
        self.preparation_panel.set_masks(labels)
        self._show_grids()
        self.changed.emit()

    def _on_activated(self, channel: str) -> None:
        self._corrected[channel] = self.combos[channel].currentData()
        self._show_grids()
        self.changed.emit()

    def _show_grids(self) -> None:
        chosen = self._chosen()
        self.preparation_panel.set_images(chosen, differ=len(chosen) > 1 and grids_differ(chosen))

    def _on_reference(self) -> None:
        self._reference_chosen = True
        self.changed.emit()


def _is_result(layer: Any) -> bool:
    return RESULT_KEY in layer.metadata


def why_unsuitable(layer: Any) -> str:
    """Why a layer cannot be a channel of a model; "" where it can."""
    if not isinstance(layer, Image):
        return "no image"
    if layer.rgb:
        return "a color picture"
    if layer.multiscale:
        return "of several resolutions"
    if layer.ndim != 3:
        return f"{layer.ndim}-D, no volume"
    return ""


def _fill(
    combo: QComboBox,
    nothing: str,
    layers: Sequence[Any],
    chosen: Any,
    unsuitable: Mapping[Any, str] | None = None,
) -> None:
    combo.clear()
    combo.addItem(nothing, None)
    for layer in layers:
        combo.addItem(layer.name, layer)
    for layer, why in (unsuitable or {}).items():
        combo.addItem(f"{layer.name} ({why})", None)
        combo.model().item(combo.count() - 1).setEnabled(False)
    combo.setCurrentIndex(1 + layers.index(chosen) if chosen is not None else 0)
    combo.setToolTip(combo.currentText())
