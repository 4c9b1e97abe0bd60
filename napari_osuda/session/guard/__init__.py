"""Which mask is to be trusted, without a reference."""

from napari_osuda.session.guard.recommendation import recommend
from napari_osuda.session.guard.wording import VOLUMES, spoken

__all__ = ["VOLUMES", "recommend", "spoken"]
