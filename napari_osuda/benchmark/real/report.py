"""What is told of the source models that a bench on real MRI was run with."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_osuda.benchmark.real.sources import home_dice

__all__ = ["sources_in_words"]


def sources_in_words(models: Path) -> str:
    """What each trained model reaches on unseen patients of its own kind, a sentence each with a space after.

    Parameters
    ----------
    models : Path
        The folder that `source_model` was given.
    """
    said = ""
    for path in sorted(models.glob("*.dice.json")):
        name = path.name.removesuffix(".dice.json")
        reached = [next(iter(regions.values())) for regions in home_dice(models, name).values()]
        if reached:
            said += (
                f"Source model {name}: mean Dice {np.mean(reached):.3f} on {len(reached)} unseen patients of "
                f"its own kind (from {min(reached):.2f} to {max(reached):.2f}). "
            )
    return said
