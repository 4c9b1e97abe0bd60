"""Rows of a bench."""

from __future__ import annotations


def row(**changes):
    blank = {
        "protocol": "t2-to-flair", "method": "osuda", "patient": "1", "seed": "0", "outcome": "done",
        "decision": "accept", "reasons": "", "seconds": "1", "iterations": "1", "dice_before_WT": "0.5",
        "dice_after_WT": "0.7", "hd95_before_WT": "3", "hd95_after_WT": "2",
    }  # fmt: skip
    return blank | changes
