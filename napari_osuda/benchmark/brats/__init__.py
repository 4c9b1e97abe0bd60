"""The paper's protocols on BraTS."""

from napari_osuda.benchmark.brats.series import BRATS_RECIPE, brats_series

__all__ = ["BRATS_RECIPE", "brats_series"]
