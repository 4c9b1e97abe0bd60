"""Many patients, one after the other."""
