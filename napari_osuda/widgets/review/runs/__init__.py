"""The runs on the case under review, side by side."""
