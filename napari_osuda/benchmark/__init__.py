"""What the method is worth: source training, the paper's tables as protocols, sweeps, the guard's record."""
