"""The Monitor widget."""

from napari_osuda.widgets.monitor.widget import MonitorWidget

__all__ = ["MonitorWidget"]
