"""Where the fit of an intensity curve begins: what physics expects between two contrasts.

The loss of a fit does not tell which beginning is right, so names and physics choose it.
"""

from __future__ import annotations
