"""What intensities mean: head and air, normalization, and maps from one contrast to another."""
