"""One page of help for each panel, and the button that opens it."""

from napari_osuda.widgets.help.button import HelpButton

__all__ = ["HelpButton"]
