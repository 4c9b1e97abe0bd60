"""Tools on a mask: arrays of labels in, a new array out; nothing here knows a review or a viewer."""

from napari_osuda.session.review.tools.apply import apply_tool
from napari_osuda.session.review.tools.use import Scope, Tool, ToolUse

__all__ = ["Scope", "Tool", "ToolUse", "apply_tool"]
