"""How good the guard is."""
