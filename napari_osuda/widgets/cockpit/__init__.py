"""What the widgets share: one run, its history, its layers."""
