"""What rivals of OSUDA add to its loop, one file a subject; the presets say which method takes what."""

from napari_osuda.method.rivals.rivals import Rivals, check_divisible
from napari_osuda.method.rivals.terms import PredictionMemory, class_ratio_loss, memory_consistency_loss
from napari_osuda.method.rivals.wrapped import Wrapped

__all__ = [
    "PredictionMemory",
    "Rivals",
    "Wrapped",
    "check_divisible",
    "class_ratio_loss",
    "memory_consistency_loss",
]
