"""Methods that keep the source data, to compare with: never part of the plugin."""
