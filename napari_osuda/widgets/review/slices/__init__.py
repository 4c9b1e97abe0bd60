"""The list of slices."""
