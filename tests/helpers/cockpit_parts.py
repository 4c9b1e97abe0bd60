"""A run that goes on for as long as a test wants."""

from __future__ import annotations

from pathlib import Path


def begun(widget, qtbot, steps=2) -> Path:
    """Start a run that would take for ever, and wait for some of its steps."""
    widget.settings_panel.set_values(iterations=100_000)
    widget.adapt()
    qtbot.waitUntil(
        lambda: widget.cockpit.history is not None and len(widget.cockpit.history) >= steps, timeout=60_000
    )
    return widget.cockpit.controller.job.out
