"""The folder of a run: record, checkpoints, states, and runs that were not finished."""
