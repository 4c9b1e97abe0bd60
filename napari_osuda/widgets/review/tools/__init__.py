"""Tools on the final mask: the panel, its words, and the image that tools look at."""
