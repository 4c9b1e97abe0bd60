"""A reference beside the review: for scores and error maps, never for a decision."""
