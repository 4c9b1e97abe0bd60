"""The panel of the source model."""
