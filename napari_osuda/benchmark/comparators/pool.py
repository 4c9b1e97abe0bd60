"""Translated images of before, which the discriminators are shown again."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["ImagePool"]


class ImagePool:
    """The last so many translated images (Shrivastava et al., 2017; Zhu et al., 2017).

    Once it is full, every second image by chance is exchanged for one of before.

    Parameters
    ----------
    size : int
        0 hands on what comes.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._kept: list[Tensor] = []

    def exchange(self, images: Tensor, noise: torch.Generator) -> Tensor:
        """Images as many as came: these, or some of before. [B, C, h, w], without gradient."""
        given = []
        for image in images.detach():
            if len(self._kept) < self.size:
                self._kept.append(image.clone())
            elif self.size and float(torch.rand(1, generator=noise)) < 0.5:
                place = int(torch.randint(self.size, (1,), generator=noise))
                image, self._kept[place] = self._kept[place].to(image.device), image.clone()
            given.append(image)
        return torch.stack(given)

    def state_dict(self) -> dict[str, Any]:
        """What it holds."""
        return {"kept": torch.stack(self._kept)} if self._kept else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Hold what another held."""
        self._kept = list(state.get("kept", []))
