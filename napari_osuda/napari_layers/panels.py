"""Opening a panel of ours under the name that napari's menu gives it, so that there is one of each."""

from __future__ import annotations

from typing import Any

from npe2 import PluginManager

__all__ = ["open_panel"]

_PLUGIN = "napari-osuda"


def open_panel(viewer: Any, title: str) -> Any:
    """The panel with this title ("OSUDA: Review", ...), opened or brought to the front.

    napari names a dock by the plugin's package where code opens it, and by its title where the menu does, and
    would open a second panel of the same kind.

    Parameters
    ----------
    viewer : napari.Viewer
    title : str
        As the plugin's manifest has it.

    Returns
    -------
    QWidget
    """
    viewer = getattr(viewer, "__wrapped__", viewer)
    for name, widget in viewer.window.dock_widgets.items():
        if name.partition(" (")[0] == title:
            dock = widget.parent()
            dock.show()
            dock.raise_()
            return widget
    manifest = PluginManager.instance().get_manifest(_PLUGIN)
    contribution = next(each for each in manifest.contributions.widgets or () if each.display_name == title)
    widget = contribution.get_callable()(viewer)
    viewer.window.add_dock_widget(widget, name=f"{title} ({manifest.display_name})")
    return widget
