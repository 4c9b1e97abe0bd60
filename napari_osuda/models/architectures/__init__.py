"""Networks from a closed list of libraries, built from what a model says or what its weights fit."""

from napari_osuda.models.architectures.library import (
    LIBRARIES,
    Library,
    build_network,
    build_skeleton,
    check_architecture,
    installed,
)

__all__ = ["LIBRARIES", "Library", "build_network", "build_skeleton", "check_architecture", "installed"]
