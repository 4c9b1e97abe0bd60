"""What is done to the images of a case before any network sees them: one grid, bias field, brain mask."""
