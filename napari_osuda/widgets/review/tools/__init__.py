"""Tools on the final mask: the panel, what they do, and strokes of the brush."""
