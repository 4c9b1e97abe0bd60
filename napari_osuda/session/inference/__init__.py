"""Cases through a network: slices, windows, devices."""
