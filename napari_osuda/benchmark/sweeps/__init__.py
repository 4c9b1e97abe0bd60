"""Sweeps of settings, from which the defaults were chosen."""
