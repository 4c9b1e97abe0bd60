"""Single slices and contrasts, shown while a run goes on or before it."""
