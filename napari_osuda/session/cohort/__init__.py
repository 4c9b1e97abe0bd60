"""Many patients of a BIDS dataset: one job each that can be done again without harm, and a table over all."""
