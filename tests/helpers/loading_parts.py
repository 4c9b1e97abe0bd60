"""A package that is changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Edit = Callable[[Callable[[dict[str, Any]], Any]], Path]
