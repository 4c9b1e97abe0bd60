"""A program, and how its form is answered for."""

from __future__ import annotations

DEFAULTS = {"defaults": True}
