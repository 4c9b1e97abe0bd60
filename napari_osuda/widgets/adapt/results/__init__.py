"""What a run gives: its masks as layers, the recommendation on them, and saving them."""
