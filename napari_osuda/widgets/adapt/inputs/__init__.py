"""What is adapted to: open image layers as the channels of a model, and as a case."""
